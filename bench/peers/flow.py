"""MLflow's own server over the joblib pipeline: python -m bench.peers.flow FOLDER PORT"""

import os
import shutil
import sys
from pathlib import Path

import mlflow.sklearn

from bench.peers.model import load

if __name__ == "__main__":
    home = Path(sys.argv[1])
    shutil.rmtree(home, ignore_errors=True)
    # The file is our own, made a moment ago.
    trusted = ["numpy.dtype", "sklearn.tree._tree.Tree", "sklearn.utils._bunch.Bunch"]
    mlflow.sklearn.save_model(load(), home, skops_trusted_types=trusted)
    # It starts uvicorn by name.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = str(Path(sys.executable).with_name("mlflow"))
    options = ["--host", "127.0.0.1", "--port", sys.argv[2], "--env-manager", "local", "--workers", "1"]
    os.execv(program, [program, "models", "serve", "--model-uri", str(home), *options])  # noqa: S606
