"""The matrix: every point at which a night can be broken, by its step; `tests/test_policy.py` holds that none is missing."""

KILLED = {
    ("ingestion.land",): (
        "land.begun", "land.staged", "land.part_moved", "land.renamed", "land.record_written", "land.recorded", "land.shown",
    ),
    ("warehouse", "build", "features"): (
        "build_features.begun", "build_features.node_finished", "build_features.built", "build_features.noted",
    ),
    ("training.train", "recommendations"): ("train.begun", "train.fitted", "train.model_logged", "train.compared"),
    ("training.promote", "recommendations", "purchase_7d"): ("promote.decided", "promote.registered", "promote.aliased"),
    ("training.score",): ("score.fitted", "score.computed", "score.written", "score.replacing", "score.placed"),
    ("warehouse", "build", "serving"): ("build_serving.begun", "build_serving.node_finished", "build_serving.built"),
    ("serving_exports.publish",): (
        "publish.begun", "publish.table_copied", "publish.parquet_written", "publish.audited", "publish.reported", "publish.synced",
        "publish.renamed", "flip.linked", "flip.moved",
    ),
}  # fmt: skip
FULL = {  # where a step writes, and a full disk shows
    ("ingestion.land",): ("land.staged", "land.part_moved", "land.record_written"),
    ("warehouse", "build", "features"): ("build_features.node_finished", "build_features.built"),
    ("training.train", "recommendations"): ("train.fitted", "train.compared"),
    ("training.promote", "recommendations", "purchase_7d"): ("promote.decided", "promote.registered"),
    ("training.score",): ("score.fitted", "score.written"),
    ("warehouse", "build", "serving"): ("build_serving.node_finished",),
    ("serving_exports.publish",): (
        "publish.table_copied", "publish.parquet_written", "publish.audited", "publish.reported", "publish.synced", "flip.linked",
    ),
}  # fmt: skip
ELSEWHERE = {  # what no night of the stage comes by, by how its points begin: where each of them is a case
    "prune.": "tests/serving_exports/test_killed_publish.py",
    "rekey.": "tests/ingestion/test_rekey.py",
    "rotate.": "tests/test_rotation.py",
}
