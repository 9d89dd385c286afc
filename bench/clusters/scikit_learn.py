"""scikit-learn's side of bench/clusters/kernels.ts: FOLDER TASK OPTION…, one line of JSON on stdout."""

import json
import sys
import time

import numpy as np
from sklearn.cluster import DBSCAN, KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

folder, task, name, *options = sys.argv[1:]


def points(dimensions):
    return np.fromfile(f"{folder}/{name}.f64").reshape(-1, dimensions)


def labels():
    return np.fromfile(f"{folder}/labels.i32", dtype=np.int32)


def kmeans():
    d, first, last = map(int, options)
    x = points(d)
    KMeans(3, n_init=1).fit(x[:5000])
    yield
    for k in range(first, last + 1):
        model = KMeans(k, n_init=10, max_iter=100, random_state=1).fit(x)
    yield {"inertia": model.inertia_}


def silhouette():
    x = points(int(options[0]))
    silhouette_score(x[:500], np.arange(500) % 3)
    yield
    yield {"mean": silhouette_score(x, labels())}


def dbscan():
    eps, least, metric = float(options[0]), int(options[1]), options[2]
    x = points(2)
    DBSCAN(eps=1, min_samples=3).fit(x[:500])
    haversine = metric == "haversine"
    if haversine:
        x = np.radians(x)
    yield
    found = DBSCAN(eps=eps, min_samples=least, metric=metric, algorithm="ball_tree" if haversine else "kd_tree").fit(x).labels_
    yield {"differ": int((found != labels()).sum())}


with threadpool_limits(1):
    run = {"kmeans": kmeans, "silhouette": silhouette, "dbscan": dbscan}[task]()
    next(run)
    wall, cpu = time.perf_counter(), time.process_time()
    answer = next(run)
    print(json.dumps({"seconds": time.perf_counter() - wall, "cpuSeconds": time.process_time() - cpu, **answer}))
