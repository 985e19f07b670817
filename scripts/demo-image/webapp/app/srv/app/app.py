"""A small web app that does what many do at their start: imports a framework and a numerical library, warms up, serves."""

import os

import numpy as np
from flask import Flask, jsonify, render_template

app = Flask(__name__)
weights = np.load(os.path.join(os.path.dirname(__file__), "weights.npy"))


def predict(values):
    return float(np.tanh(weights @ np.resize(np.asarray(values, dtype=float), weights.shape[1])).sum())


@app.get("/")
def index():
    return render_template("index.html", answer=predict([1, 2, 3]))


@app.get("/health")
def health():
    return jsonify(status="ok", answer=predict([1]))


if __name__ == "__main__":
    # The first answer is slow everywhere: give it before anybody asks.
    assert app.test_client().get("/").status_code == 200
    print("warmed up", flush=True)
    app.run(host="0.0.0.0", port=int(os.environ.get("PORT", "8000")))
