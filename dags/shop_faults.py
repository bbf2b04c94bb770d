"""Shows the faults of shop files where an operator looks for them: as an import error of Airflow.

This file makes no DAG. Airflow drops every DAG of a file with an import error, so `dags/nightly.py` passes a faulty shop
file over and the error is raised here: that shop has no night until its file is mended, the others run on.
"""

from dags import shop_files
from settings import Settings

found = shop_files.faults(Settings.from_environment().shops)
if found:
    raise ValueError("\n".join(found))
