"""Makes test/fixtures/clusters/*.json: what scikit-learn and SciPy answer for small sets of points and graphs.

Run in a virtual environment with scikit-learn 1.9 and SciPy 1.17, then bring the files into the house format:

    python test/python/golden_clusters.py && npx biome format --write test/fixtures/clusters
"""

import json
import pathlib

import numpy as np
import scipy.sparse as sparse
import sklearn
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist
from sklearn.cluster import DBSCAN, OPTICS, KMeans
from sklearn.metrics import silhouette_samples, silhouette_score

OUT = pathlib.Path(__file__).parents[1] / "fixtures" / "clusters"
rng = np.random.default_rng(20180702)


def blobs(n, d, clusters, spread=0.06, digits=3):
    centres = rng.uniform(-1, 1, (clusters, d))
    return np.round(centres[rng.integers(0, clusters, n)] + rng.normal(size=(n, d)) * spread, digits)


def flat(x):
    return np.asarray(x, dtype=float).ravel().tolist()


def ints(x):
    return np.asarray(x).astype(int).ravel().tolist()


def write(name, cases):
    made_by = f"scikit-learn {sklearn.__version__}"
    (OUT / f"{name}.json").write_text(json.dumps({"madeBy": made_by, "cases": cases}, separators=(",", ":")) + "\n")


def kmeans_cases():
    grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), -1).reshape(-1, 2)
    sets = [
        ("two dimensions, two clusters", blobs(110, 2, 2), 2, {}),
        ("two dimensions, eight of twelve clusters", blobs(140, 2, 12), 8, {}),
        ("uniform, many iterations", np.round(rng.uniform(0, 1, (200, 2)), 3), 7, {"max_iter": 300}),
        ("one dimension", blobs(110, 1, 4), 4, {}),
        ("three dimensions", blobs(100, 3, 6), 6, {}),
        ("four dimensions", blobs(140, 4, 5, digits=5), 9, {}),
        ("six dimensions", blobs(80, 6, 5, 0.2), 5, {}),
        ("one cluster", blobs(60, 2, 3), 1, {}),
        ("tol 0 runs until no label changes", np.round(rng.uniform(0, 1, (140, 2)), 3), 5, {"tol": 0.0, "max_iter": 300}),
        ("max_iter ends it", np.round(rng.uniform(0, 1, (140, 2)), 3), 9, {"max_iter": 4}),
        ("far from the origin", blobs(110, 2, 5) + 1000.0, 5, {}),
        ("a coarse tol", np.round(rng.uniform(0, 1, (160, 3)), 3), 8, {"tol": 0.02}),
    ]
    cases = []
    for name, x, k, options in sets:
        start = x[rng.choice(len(x), k, replace=False)]
        cases.append(kmeans_case(name, x, start, options))
    # Centres far from every point stay empty and are relocated; one at a time, since scikit-learn leaves open which of several gets which point.
    x = blobs(120, 2, 4)
    cases.append(kmeans_case("an empty cluster", x, np.vstack([x[[3, 40, 77]], [[50.0, 50.0]]]), {}))
    cases.append(kmeans_case("an empty cluster on a grid", grid, np.array([[2.25, 3.5], [8.75, 8.0], [-90.0, 4.0]]), {}))
    x = blobs(100, 6, 4)
    cases.append(kmeans_case("an empty cluster in six dimensions", x, np.vstack([x[[3, 40, 77]], np.full((1, 6), -70.0)]), {}))
    return cases


def kmeans_case(name, x, start, options):
    options = {"max_iter": 100, "tol": 1e-4, **options}
    model = KMeans(len(start), init=start, n_init=1, algorithm="lloyd", **options).fit(x)
    case = {
        "name": name,
        "dimensions": x.shape[1],
        "points": flat(x),
        "start": flat(start),
        "options": {"maxIter": options["max_iter"], "tol": options["tol"]},
        "labels": ints(model.labels_),
        "iterations": int(model.n_iter_),
        "inertia": float(model.inertia_),
        "centres": flat(model.cluster_centers_),
    }
    if len(start) > 1:
        # About the mean, since scikit-learn's distances lose digits far from the origin.
        case["silhouette"] = float(silhouette_score(x - x.mean(axis=0), model.labels_))
    return case


def silhouette_cases():
    x = blobs(140, 2, 5, 0.2)
    y = blobs(90, 5, 3, 0.4)
    single = np.r_[np.zeros(40), np.ones(49), 2]
    sets = [
        ("labels at random", x, rng.integers(0, 4, len(x))),
        ("a cluster of one point", y, single),
        ("five dimensions, many clusters", y, np.arange(90) % 20),
        ("equal points in two clusters", np.zeros((10, 2)), np.arange(10) % 2),
    ]
    return [
        {
            "name": name,
            "dimensions": p.shape[1],
            "points": flat(p),
            "labels": ints(labels),
            "silhouette": float(silhouette_score(p, labels)),
            "samples": flat(np.round(silhouette_samples(p, labels), 9)),
        }
        for name, p, labels in sets
    ]


def moons(n):
    t = rng.uniform(0, np.pi, n)
    upper = np.c_[np.cos(t), np.sin(t)]
    lower = np.c_[1 - np.cos(t), 0.5 - np.sin(t)]
    return np.round(np.where((np.arange(n) % 2 == 0)[:, None], upper, lower) + rng.normal(size=(n, 2)) * 0.05, 3)


def dbscan_cases():
    lattice = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), -1).reshape(-1, 2)
    repeated = np.repeat(np.round(rng.uniform(0, 1, (30, 2)), 2), 4, axis=0)
    euclid = [
        ("blobs and noise", np.vstack([blobs(100, 2, 5), np.round(rng.uniform(-1, 1, (60, 2)), 3)]), 0.08, 5),
        ("moons", moons(130), 0.15, 5),
        ("many borders", np.round(rng.uniform(0, 1, (140, 2)), 3), 0.06, 5),
        ("lattice at exactly eps", lattice, 1.0, 5),
        ("lattice at exactly eps, corners not core", lattice, 1.0, 4),
        ("repeated points", repeated, 0.05, 5),
        ("min_samples 1", np.round(rng.uniform(0, 1, (90, 2)), 3), 0.05, 1),
        ("min_samples 2", np.round(rng.uniform(0, 1, (90, 2)), 3), 0.05, 2),
        ("one giant eps", blobs(80, 2, 4), 1e6, 5),
        ("all noise", np.round(rng.uniform(0, 1, (60, 2)), 3), 1e-6, 2),
        ("one dimension", np.round(rng.uniform(0, 10, (150, 1)), 2), 0.1, 4),
        ("three dimensions", blobs(140, 3, 6, 0.1), 0.15, 6),
        ("four dimensions", blobs(110, 4, 4, 0.1), 0.2, 5),
        ("six dimensions", blobs(80, 6, 3, 0.1), 0.3, 5),
    ]
    cases = []
    for name, x, eps, least in euclid:
        model = DBSCAN(eps=eps, min_samples=least).fit(x)
        cases.append({"name": name, "metric": "euclidean", "dimensions": x.shape[1], "points": flat(x), **dbscan_answer(model, eps, least)})
    world = np.c_[np.round(np.degrees(np.arcsin(rng.uniform(-1, 1, 170))), 2), np.round(rng.uniform(-180, 180, 170), 2)]
    line = np.c_[np.round(rng.normal(10, 1, 120), 2), np.round((180 + rng.normal(0, 1.5, 120) + 180) % 360 - 180, 2)]
    pole = np.c_[np.round(90 - np.abs(rng.normal(0, 1.5, 120)), 2), np.round(rng.uniform(-180, 180, 120), 2)]
    south = np.c_[np.round(-90 + np.abs(rng.normal(0, 2, 80)), 2), np.round(rng.uniform(-180, 180, 80), 2)]
    south[0] = [-90, 13]
    south[1] = [-90, -120]
    for name, x, eps, least in [
        ("the whole globe", world, 0.15, 5),
        ("across the antimeridian", line, 0.01, 5),
        ("around the north pole", pole, 0.01, 5),
        ("around the south pole, twice at it", south, 0.012, 4),
        ("half the globe", world, 1.6, 200),
        ("everything within reach", world, 4.0, 5),
    ]:
        model = DBSCAN(eps=eps, min_samples=least, metric="haversine", algorithm="ball_tree").fit(np.radians(x))
        cases.append({"name": name, "metric": "haversine", "dimensions": 2, "points": flat(x), **dbscan_answer(model, eps, least)})
    return cases


def dbscan_answer(model, eps, least):
    return {
        "eps": eps,
        "minSamples": least,
        "labels": ints(model.labels_),
        "core": ints(model.core_sample_indices_),
    }


def graph_cases():
    cases = []
    for name, n, edges, eps, least in [
        ("a random graph", 150, 500, 0.5, 5),
        ("a dense graph", 60, 900, 0.4, 8),
        ("a sparse graph", 200, 150, 0.6, 2),
        ("exact zeros", 80, 200, 0.3, 4),
        ("everything within eps", 50, 300, 9.0, 3),
        ("nothing within eps", 50, 100, 0.001, 2),
    ]:
        a, b = rng.integers(0, n, edges), rng.integers(0, n, edges)
        key = np.unique(np.minimum(a, b)[a != b] * n + np.maximum(a, b)[a != b])
        rng.shuffle(key)
        a, b = key // n, key % n
        w = np.round(rng.uniform(0.002, 1, len(key)), 2)
        w[w == 0] = 0.01
        if name == "exact zeros":
            w[: len(w) // 4] = 0
        m = sparse.coo_matrix((np.r_[w, w], (np.r_[a, b], np.r_[b, a])), shape=(n, n)).tocsr()
        model = DBSCAN(eps=eps, min_samples=least, metric="precomputed").fit(m)
        cases.append({"name": name, "count": n, "edges": [ints(a), ints(b), flat(w)], **dbscan_answer(model, eps, least)})
    return cases


def linkage_cases():
    cases = []
    for name, x in [
        ("blobs", blobs(60, 2, 5, 0.2)),
        ("five dimensions", blobs(50, 5, 4, 0.4)),
        ("repeated points", np.repeat(np.round(rng.uniform(0, 1, (12, 2)), 2), 3, axis=0)),
        ("two points", np.array([[0.0, 0.0], [3.0, 4.0]])),
    ]:
        methods = {m: flat(linkage(pdist(x), m)[:, 2]) for m in ("single", "complete", "average", "ward")}
        sizes = {m: ints(linkage(pdist(x), m)[:, 3]) for m in ("single", "complete", "average", "ward")} if name == "blobs" else {}
        cases.append({"name": name, "dimensions": x.shape[1], "points": flat(x), "heights": methods, "sizes": sizes})
    return cases


def optics_answer(model, options):
    return {
        "options": {key: None if value == np.inf else value for key, value in options.items()},
        "labels": ints(model.labels_),
        "ordering": ints(model.ordering_),
        "reachability": [None if np.isinf(r) else float(r) for r in model.reachability_],
        "predecessors": ints(model.predecessor_),
    }


def optics_cases():
    nested = np.vstack([blobs(60, 2, 3, 0.02), blobs(60, 2, 2, 0.1), np.round(rng.uniform(-1, 1, (40, 2)), 3)])
    lattice = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1).reshape(-1, 2)
    loose = np.round(rng.uniform(0, 1, (130, 2)), 3)
    sets = [
        ("blobs", blobs(130, 2, 4), {"min_samples": 5}),
        ("nested densities", nested, {"min_samples": 6, "xi": 0.1}),
        ("nested densities, without correction", nested, {"min_samples": 6, "xi": 0.03, "predecessor_correction": False}),
        ("clusters of at least 20", nested, {"min_samples": 5, "min_cluster_size": 20}),
        ("shares of the points", nested, {"min_samples": 0.05, "min_cluster_size": 0.2}),
        ("a lattice, all equally far", lattice, {"min_samples": 4}),
        ("uniform", loose, {"min_samples": 3, "xi": 0.2}),
        ("repeated points", np.repeat(np.round(rng.uniform(0, 1, (25, 2)), 2), 4, axis=0), {"min_samples": 5}),
        ("a finite max_eps", nested, {"min_samples": 5, "max_eps": 0.1}),
        ("a finite max_eps in three dimensions", blobs(110, 3, 5, 0.1), {"min_samples": 5, "max_eps": 0.3}),
        ("six dimensions", blobs(80, 6, 3, 0.1), {"min_samples": 4}),
        ("six dimensions, a finite max_eps", blobs(80, 6, 3, 0.1), {"min_samples": 4, "max_eps": 0.4}),
        ("cut as DBSCAN", nested, {"min_samples": 5, "cluster_method": "dbscan", "eps": 0.08}),
        ("cut as DBSCAN below max_eps", nested, {"min_samples": 5, "max_eps": 0.2, "cluster_method": "dbscan", "eps": 0.05}),
        ("all out of reach", loose, {"min_samples": 5, "max_eps": 1e-6}),
    ]
    cases = []
    for name, x, options in sets:
        cases.append({"name": name, "metric": "euclidean", "dimensions": x.shape[1], "points": flat(x), **optics_answer(OPTICS(**options).fit(x), options)})
    line = np.c_[np.round(rng.normal(10, 1, 120), 2), np.round((180 + rng.normal(0, 1.5, 120) + 180) % 360 - 180, 2)]
    pole = np.c_[np.round(90 - np.abs(rng.normal(0, 1.5, 100)), 2), np.round(rng.uniform(-180, 180, 100), 2)]
    for name, x, options in [
        ("across the antimeridian", line, {"min_samples": 5}),
        ("around the north pole", pole, {"min_samples": 5, "max_eps": 0.02}),
    ]:
        model = OPTICS(metric="haversine", algorithm="ball_tree", **options).fit(np.radians(x))
        cases.append({"name": name, "metric": "haversine", "dimensions": 2, "points": flat(x), **optics_answer(model, options)})
    return cases


def optics_graph_cases():
    cases = []
    for name, n, edges, options in [
        ("a random graph", 120, 2500, {"min_samples": 5}),
        ("a finite max_eps", 120, 3500, {"min_samples": 4, "max_eps": 0.4}),
        ("cut as DBSCAN", 150, 4000, {"min_samples": 5, "cluster_method": "dbscan", "eps": 0.1}),
        ("near in a line", 140, 0, {"min_samples": 4, "xi": 0.05}),
    ]:
        a, b = rng.integers(0, n, edges), rng.integers(0, n, edges)
        key = np.unique(np.minimum(a, b)[a != b] * n + np.maximum(a, b)[a != b])
        a, b = key // n, key % n
        w = np.round(rng.uniform(0.002, 1, len(key)), 3)
        if name == "near in a line":
            place = np.sort(np.round(np.r_[rng.normal(0, 0.1, 60), rng.normal(2, 0.3, 50), rng.uniform(-1, 4, 30)], 4))
            d = np.abs(place[:, None] - place[None, :])
            a, b = np.nonzero(np.triu(d < 0.8, 1))
            w = np.round(d[a, b], 4)
        m = sparse.coo_matrix((np.r_[w, w], (np.r_[a, b], np.r_[b, a])), shape=(n, n)).tocsr()
        model = OPTICS(metric="precomputed", **options).fit(m)
        cases.append({"name": name, "count": n, "edges": [ints(a), ints(b), flat(w)], **optics_answer(model, options)})
    return cases


OUT.mkdir(parents=True, exist_ok=True)
write("kmeans", kmeans_cases())
write("silhouette", silhouette_cases())
write("dbscan-points", dbscan_cases())
write("dbscan-graph", graph_cases())
write("linkage", linkage_cases())
write("optics-points", optics_cases())
write("optics-graph", optics_graph_cases())
