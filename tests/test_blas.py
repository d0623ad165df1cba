"""No bit of a model depends on how many threads linear algebra has, and nothing leaves another number behind."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from lighttouch.training.model.blas import one_blas_thread
from lighttouch.training.model.spread import quadratic
from threadpoolctl import threadpool_info, threadpool_limits

FIT = """
import sys
import numpy as np, pandas as pd
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.training.harm import HarmModel
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.response import ResponseModel
rng = np.random.default_rng(0)
n, d, K = 4_000, 150, 10
arms = ArmCatalogue([Arm("none"), *(Arm(f"sms-{k}", sms=k) for k in range(1, K))])
X = pd.DataFrame(rng.normal(size=(n, d)), columns=[f"x{j}" for j in range(d)])
arm = rng.choice(arms.names, n)
y = (rng.random(n) < 0.3 + 0.2 * (X["x0"] > 0) * (arm != "none")).astype(int)
model = ResponseModel(arms, n_threads=2).fit(X, y, arm=arm, propensity=1 / K)
happened, group = (rng.random(n) < 0.1 + 0.1 * (X["x1"] > 0) * (arm != "none")).to_numpy(float), np.arange(n)
harm = HarmModel.fit(X, happened, arms.encode(arm), np.full((n, K), 1 / K), group, arms, 2)
ModelBundle(model, harm, 14).save(sys.argv[1])
"""


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_a_fit_has_the_same_bytes_however_many_threads_linear_algebra_may_use(tmp_path):
    found = []
    for threads in ("1", "2"):
        folder = tmp_path / threads
        env = {**os.environ, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-c", FIT, str(folder)], check=True, env=env)
        found.append({str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()})
    assert found[0] == found[1]


def test_what_runs_side_by_side_leaves_the_threads_as_they_were():
    rng = np.random.default_rng(0)
    F, M = rng.normal(size=(2_000, 60)), rng.normal(size=(60, 60))
    with threadpool_limits(2, user_api="blas"):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: quadratic(F, M, F), range(200)))
        assert set(blas_threads()) == {2}
        with one_blas_thread(), one_blas_thread():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {2}
