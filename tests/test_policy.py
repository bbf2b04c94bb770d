"""The project's rules about itself: who may import whom, what SQL may not ask, and that the words of the docs are true."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from settings import PROJECT_ROOT
from tests.conftest import STEPS
from tests.faults import points

FOUNDATION = {"settings", "sources", "segments", "targets", "shop", "steps", "faults", "rotation", "metrics", "shortages", "disk_space"}
MAY_IMPORT = {
    "settings": set(),
    "faults": set(),
    "metrics": {"settings"},
    "sources": set(),
    "segments": {"sources"},
    "targets": {"sources"},
    "shop": {"segments", "settings", "sources", "targets"},
    "shortages": {"settings"},
    "steps": {"settings", "shop", "shortages", "sources"},
    "disk_space": {"shortages", "steps"},
    "rotation": {"settings", "steps"},
    "warehouse": FOUNDATION,
    "dbt_project": FOUNDATION | {"warehouse"},  # what dbt itself loads
    "ingestion": FOUNDATION | {"warehouse"},
    "training": FOUNDATION | {"warehouse"},
    "serving_exports": FOUNDATION | {"warehouse"},
    "services": FOUNDATION | {"warehouse"},
    "explorer": FOUNDATION | {"serving_exports", "services"},
    "doctor": FOUNDATION | {"warehouse", "services"},
    "dags": FOUNDATION | {"warehouse"},
    "benchmarks": FOUNDATION | {"warehouse", "ingestion", "training", "serving_exports", "services"},
}
ONLY_IN = {  # who may import these libraries, as the beginning of a path
    "airflow": ("dags/", "tests/dags/", "docs/examples/"),
    "mlflow": ("training/tracking.py", "tests/training/"),
    "dbt": ("warehouse/", "dbt_project/plugins/", "tests/faults/"),
    "optuna": ("training/tune.py",),
    "streamlit": ("explorer/", "tests/explorer/"),
    "adbc_driver_postgresql": ("serving_exports/postgres.py", "tests/serving_exports/"),
    "playwright": ("tests/ui/",),
    "vl_convert": ("serving_exports/vega.py",),
    "keras": ("training/", "tests/training/", "benchmarks/"),
    "tensorflow": ("training/", "tests/training/", "benchmarks/"),
    "sklearn": ("training/", "tests/training/", "benchmarks/"),
}
TARGETS = {
    "help",
    "setup",
    "nightly",
    "shop",
    "validate",
    "test",
    "test-long",
    "test-faults",
    "test-ui",
    "lint",
    "up",
    "down",
    "sql",
    "export",
    "doctor",
    "rotate-key",
    "bench",
    "lock",
}
WALL_CLOCK = re.compile(
    r"\b(now|today|get_current_time|get_current_timestamp|transaction_timestamp|random|uuid|gen_random_uuid)\s*\("
    r"|\bcurrent_(date|time|timestamp|localtime|localtimestamp)\b|\blocaltime(stamp)?\b|run_started_at|invocation_id|modules\.datetime",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(  # registries, and paths of somebody's machine; each in two pieces, or this file would hold them
    r"pypi" r"\.org|python" r"hosted\.org|(?<![\w./-])/(?:root|home|Users)" r"/\w|" + re.escape(str(PROJECT_ROOT)) + r"(?!\w)"
)
NOT_OURS = {".git", ".venv", "data", "__pycache__", ".ruff_cache", ".pytest_cache", ".hypothesis", "target", "logs", "dbt_packages"}


def files(*suffixes: str) -> Iterator[tuple[str, Path]]:
    """The project's own files with their paths as the rules name them."""
    for folder, folders, names in os.walk(PROJECT_ROOT):
        folders[:] = sorted(set(folders) - NOT_OURS)
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix in suffixes:
                yield path.relative_to(PROJECT_ROOT).as_posix(), path


def python_files() -> list[tuple[str, ast.Module]]:
    return [(name, ast.parse(path.read_text())) for name, path in files(".py")]


def imported(tree: ast.Module) -> set[str]:
    """The top-level names of everything a module imports, wherever in it."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in plain | froms}


def part_of(name: str) -> str:
    return name.split("/")[0].removesuffix(".py")


def pages() -> list[tuple[str, str]]:
    """What people read: the project's pages in Markdown."""
    return [(name, path.read_text()) for name, path in files(".md") if not name.startswith("dbt_project/")]


def test_parts_import_only_what_lies_below_them() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in python_files()
        if part_of(name) != "tests"
        for other in imported(tree) & MAY_IMPORT.keys()
        if other != part_of(name) and other not in MAY_IMPORT[part_of(name)]
    ]
    assert wrong == []


def test_heavy_libraries_stay_where_they_belong() -> None:
    wrong = [
        f"{name} imports {library}"
        for name, tree in python_files()
        for library in imported(tree) & ONLY_IN.keys()
        if not name.startswith(ONLY_IN[library])
    ]
    assert wrong == []


def test_only_the_warehouse_package_opens_the_warehouse() -> None:
    def mentions(tree: ast.Module) -> bool:
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in told)
        asked = any(isinstance(node, ast.Attribute) and node.attr == "warehouse" for node in ast.walk(tree))
        return asked or any(isinstance(text, str) and "warehouse.duckdb" in text for text in texts)

    parts = [(name, tree) for name, tree in python_files() if part_of(name) not in ("tests", "settings", "warehouse")]
    assert [name for name, tree in parts if mentions(tree)] == []


WRITERS = {  # of a shop's folders, its warehouse or its champions: every command but those that only read or only log
    "ingestion/land.py",
    "ingestion/rekey.py",
    "ingestion/demo_shop/__main__.py",
    "warehouse/building.py",
    "training/promote.py",
    "training/score.py",
    "serving_exports/publish.py",
    "serving_exports/rollback.py",
    "serving_exports/expire.py",
}


def test_every_writer_takes_the_lock_of_the_shop() -> None:
    def takes_it(tree: ast.Module) -> bool:
        called = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
        return any(name in ("warehouse.lock", "lock") for name in called)

    taking = {name for name, tree in python_files() if part_of(name) != "tests" and takes_it(tree)}
    assert taking >= WRITERS
    steps_that_write = {"ingestion.land", "warehouse", "training.promote", "training.score", "serving_exports.publish"}
    assert {module for module, *_ in STEPS} - steps_that_write == {"training.train"}, "it only logs, to a run of its own in MLflow"


UNBOUNDED = {  # connections that may do without a memory limit
    "ingestion/draft_shop/drafts.py": "reads a sample that is in memory already",
    "ingestion/validate/rehearsal.py": "reads back what became of a sample",
    "ingestion/validate/columns.py": "cleans a handful of values",
    "training/prediction_files.py": "streams a table that is in memory already",
    "training/cluster_memory.py": "reads a number and a name per person into memory",
}


def test_duckdb_is_bound_by_the_memory_limit_wherever_it_could_need_more() -> None:
    """Each function that opens DuckDB passes the limit; dbt gets it by its profile."""
    left_out = ("tests", "benchmarks", "docs")
    functions = [
        (name, ast.unparse(node))
        for name, tree in python_files()
        if part_of(name) not in left_out
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]
    opening = {name: text for name, text in functions if "duckdb.connect(" in text}
    assert len(opening) > 8
    assert {name for name, text in opening.items() if "memory_limit" not in text} == UNBOUNDED.keys()
    assert "memory_limit" in (PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text()


def test_nothing_is_stored_or_loaded_as_pickle() -> None:
    picklers = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "skops", "shelve", "marshal"}
    lax = re.compile(
        r"allow_pickle\s*=\s*True|safe_mode\s*=\s*False|torch\.(load|save)\(|read_pickle|to_pickle|enable_unsafe_deserialization"
    )
    trees = [(name, tree) for name, tree in python_files() if part_of(name) != "tests"]
    assert [name for name, tree in trees if imported(tree) & picklers] == []
    assert [name for name, path in files(".py") if part_of(name) != "tests" and lax.search(path.read_text())] == []


def test_nothing_happens_on_import(tmp_path: Path) -> None:
    light = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name, _ in files(".py")
        if part_of(name) in FOUNDATION | {"warehouse", "doctor", "ingestion", "serving_exports", "services"}
        and not name.endswith("__main__.py")
    ]
    heavy = ", ".join(repr(library) for library in ("airflow", "mlflow", "dbt", "tensorflow", "keras", "sklearn"))
    program = f"import sys, {', '.join(light)}\nprint([name for name in ({heavy}) if name in sys.modules])"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT_ROOT),
        "NIGHTCART_DATA": str(tmp_path / "data"),
        "HOME": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert list(tmp_path.iterdir()) == []


def test_no_value_in_a_table_is_decided_by_the_clock_or_by_chance() -> None:
    models = [(name, path.read_text()) for name, path in files(".sql") if name.startswith("dbt_project/")]
    assert len(models) > 20
    asked = [f"{name}: {found.group()}" for name, text in models if (found := WALL_CLOCK.search(re.sub(r"--.*|\{#(?s:.*?)#\}", "", text)))]
    assert asked == []


def test_no_view_says_not_materialized_which_a_stored_view_forgets() -> None:
    models = {name: re.sub(r"--.*|\{#(?s:.*?)#\}", "", path.read_text()) for name, path in files(".sql") if "/models/" in name}
    views = {name: text for name, text in models.items() if "/staging/" in name or "materialized='view'" in text}
    assert len(views) >= 9
    assert [name for name, text in views.items() if "not materialized" in text] == []


@pytest.mark.parametrize(
    "text", ["now()", "CURRENT_DATE", "current_timestamp", "today ()", "get_current_timestamp()", "{{ run_started_at }}", "random()"]
)
def test_the_clock_is_recognised_in_all_its_forms(text: str) -> None:
    assert WALL_CLOCK.search(f"select {text} as value")
    assert not WALL_CLOCK.search("select known, is_current_date_column, last_random_id from events")


def test_every_module_says_what_it_is_for_and_none_is_a_drawer() -> None:
    modules = [(name, tree) for name, tree in python_files() if part_of(name) != "tests"]
    assert [name for name, tree in modules if tree.body and not ast.get_docstring(tree)] == []
    drawers = {"utils", "helpers", "common", "misc", "manager", "util", "helper"}
    assert [name for name, _ in modules if Path(name).stem in drawers] == []


def test_a_dag_file_stays_short() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in files(".py") if name.startswith("dags/")}
    assert {name: length for name, length in lengths.items() if length >= 100} == {}


def test_no_file_names_a_registry_or_somebodys_machine() -> None:
    suffixes = (".py", ".sql", ".yml", ".yaml", ".md", ".toml", ".txt", ".in", ".cfg", ".jinja", ".html", "", ".sqlfluff")
    texts = ((name, path.read_text(errors="replace")) for name, path in files(*suffixes))
    assert [f"{name}: {found.group()}" for name, text in texts if (found := ELSEWHERE.search(text))] == []


def test_every_point_at_which_a_night_can_be_broken_has_its_case() -> None:
    texts = [path.read_text() for name, path in files(".py") if part_of(name) != "tests"]
    named = {point for text in texts for point in re.findall(r'fault_point\(f?"(.+?)"\)', text)}
    there = {point.replace("{stage}", stage) for point in named for stage in ("features", "serving")}
    broken = set(chain(*points.KILLED.values()))
    assert len(there) > 40
    assert broken | set(chain(*points.FULL.values())) <= there
    assert {point for point in there - broken if not point.startswith(tuple(points.ELSEWHERE))} == set()
    assert [test for test in points.ELSEWHERE.values() if not (PROJECT_ROOT / test).exists()] == []


def makefile_targets() -> dict[str, str]:
    """The targets of the Makefile with their recipes."""
    text = (PROJECT_ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([a-z-]+):(?!=).*\n((?:\t.*\n)+)", text, re.MULTILINE))


def test_the_makefile_has_the_promised_targets_each_one_call_of_a_module() -> None:
    targets = makefile_targets()
    assert set(targets) == TARGETS
    calls = {target: recipe for target, recipe in targets.items() if target != "help"}
    assert [target for target, recipe in calls.items() if not all("$(VENV_PYTHON) -m " in line for line in recipe.splitlines())] == []


def test_ci_runs_the_same_words_as_people_do() -> None:
    script = (PROJECT_ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^[^#\n].*", script, re.MULTILINE)[-1].endswith("exec make lint test")
    assert os.access(PROJECT_ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "DECISIONS.md"])
def test_the_pages_everybody_looks_for_are_there(page: str) -> None:
    assert (PROJECT_ROOT / page).read_text().startswith("# ")


def test_the_readme_is_short_and_begins_with_the_two_commands() -> None:
    lines = (PROJECT_ROOT / "README.md").read_text().splitlines()
    assert len(lines) < 150
    assert "make nightly" in "\n".join(lines[:40])


def test_the_commands_in_the_pages_exist() -> None:
    code = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
    wrong = []
    for name, text in pages():
        said = "\n".join(code.findall(text))
        wrong += [f"{name}: make {target}" for target in re.findall(r"(?<![\w-])make ([a-z][a-z-]*)", said) if target not in TARGETS]
        wrong += [f"{name}: python -m {module}" for module in re.findall(r"python3? -m ([\w.]+)", said) if not is_command(module)]
    assert wrong == []


def is_command(module: str) -> bool:
    """Whether `python -m module` runs something; a part in capitals stands for any name."""
    if re.search("[A-Z]", module):
        return True
    parent = module.rpartition(".")[0]
    if parent and importlib.util.find_spec(parent) is None:
        return False
    found = importlib.util.find_spec(module)
    if found is None:
        return False
    if found.submodule_search_locations is not None:
        return importlib.util.find_spec(f"{module}.__main__") is not None
    ours = Path(found.origin).is_relative_to(PROJECT_ROOT) and ".venv" not in Path(found.origin).parts
    return not ours or "__main__" in Path(found.origin).read_text()


def test_the_tests_in_the_table_of_faults_exist() -> None:
    page = (PROJECT_ROOT / "docs" / "faults.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    defined = {
        file: {node.name for node in ast.walk(ast.parse((PROJECT_ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)}
        for file, _ in named
    }
    assert len(named) > 30
    assert [f"{file}::{test}" for file, test in named if test not in defined[file]] == []
    counts = [len(list(chain(*matrix.values()))) for matrix in (points.KILLED, points.FULL)]
    assert [int(count) for count in re.findall(r"at each of the (\d+) points", page)] == counts


def test_the_links_in_the_pages_lead_somewhere() -> None:
    link = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
    wrong = [
        f"{name}: {target}"
        for name, text in pages()
        for target in link.findall(text)
        if not re.match(r"[a-z]+:", target) and not (PROJECT_ROOT / name).parent.joinpath(target).exists()
    ]
    assert wrong == []


def test_the_paths_in_the_pages_exist() -> None:
    folders = sorted({part_of(name) for name, _ in files(".py", ".sql", ".yml", ".md") if "/" in name})
    path = re.compile(rf"`((?:{'|'.join(map(re.escape, folders))})/[\w./-]*)`")
    wrong = [f"{name}: {target}" for name, text in pages() for target in path.findall(text) if not (PROJECT_ROOT / target).exists()]
    assert wrong == []
