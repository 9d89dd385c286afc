"""scikit-learn's side of the clusters bench, on one thread: one argument, the task as JSON; the last line on stdout is its report."""

import json
import os
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
import pandas as pd
import scipy.sparse as sparse
from sklearn.cluster import DBSCAN, KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

task = json.loads(sys.argv[1])


def points():
    return np.fromfile(task["points"]).reshape(-1, task["dimensions"])


def labels_of_sluice():
    return np.fromfile(task["labels"], dtype=np.int32)


# Each task yields once when it is ready for the clock, and then its answer.


def kmeans():
    x = points()
    KMeans(3, n_init=1).fit(x[:5000])
    yield
    inertias = []
    for k in task["ks"]:
        model = KMeans(k, n_init=task["starts"], max_iter=100, random_state=task.get("seed", 1)).fit(x)
        inertias.append(model.inertia_)
    yield {"inertias": inertias}


def silhouette():
    x, labels = points(), labels_of_sluice()
    silhouette_score(x[:500], np.arange(500) % 3)
    yield
    yield {"mean": silhouette_score(x, labels)}


def dbscan():
    x = points()
    haversine = task["metric"] == "haversine"
    if haversine:
        x = np.radians(x)
    algorithm = "ball_tree" if haversine else "kd_tree"
    DBSCAN(eps=1, min_samples=3).fit(x[:500])
    yield
    model = DBSCAN(eps=task["eps"], min_samples=task["minSamples"], metric=task["metric"], algorithm=algorithm).fit(x)
    yield {"differ": int((model.labels_ != labels_of_sluice()).sum()), "clusters": int(model.labels_.max() + 1)}


def graph():
    yield
    table = pd.read_csv(task["edges"])
    rows = len(table)
    codes, keys = pd.factorize(pd.concat([table.key1, table.key2], ignore_index=True))
    distances = table.distance.to_numpy()
    yield fit_graph(codes[:rows], codes[rows:], distances, keys)


def filtered_graph():
    yield
    edges, known = [], []
    for table in pd.read_csv(task["edges"], chunksize=500_000):
        known.append(pd.unique(pd.concat([table.key1, table.key2], ignore_index=True)))
        edges.append(table[table.distance <= task["eps"]])
    keys = pd.Index(pd.unique(np.concatenate(known)))
    table = pd.concat(edges, ignore_index=True)
    yield fit_graph(keys.get_indexer(table.key1), keys.get_indexer(table.key2), table.distance.to_numpy(), keys)


def fit_graph(a, b, distances, keys):
    n = len(keys)
    matrix = sparse.coo_matrix((np.r_[distances, distances], (np.r_[a, b], np.r_[b, a])), shape=(n, n)).tocsr()
    model = DBSCAN(eps=task["eps"], min_samples=task["minSamples"], metric="precomputed").fit(matrix)
    return {"keys": keys, "model": model}


with threadpool_limits(1):
    run = {"kmeans": kmeans, "silhouette": silhouette, "dbscan": dbscan, "graph": graph, "filtered graph": filtered_graph}[task["task"]]()
    next(run)
    wall, cpu = time.perf_counter(), time.process_time()
    answer = next(run)
    report = {"seconds": time.perf_counter() - wall, "cpuSeconds": time.process_time() - cpu}
    if "model" in answer:
        keys, model = answer.pop("keys"), answer.pop("model")
        # Keys are a letter and the node's number; labels and core points are compared node by node.
        nodes = np.array([int(key[1:]) for key in keys])
        labels = np.full(task["nodes"], -2, dtype=np.int32)
        labels[nodes] = model.labels_
        core = np.zeros(task["nodes"], dtype=np.uint8)
        core[nodes[model.core_sample_indices_]] = 1
        labels.tofile(task["answer"] + ".i32")
        core.tofile(task["answer"] + ".u8")
    print(json.dumps({**report, **answer}))
