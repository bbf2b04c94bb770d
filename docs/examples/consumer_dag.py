"""A DAG of a consumer, to be put into the DAGs folder: runs whenever a night has published new recommendations of the demo shop."""

from airflow.sdk import Asset, dag, task

RECOMMENDATIONS = Asset(name="demo.user_recommendations", uri="nightcart://demo/user_recommendations")


@dag(schedule=[RECOMMENDATIONS], catchup=False)
def mail_recommendations() -> None:
    @task.bash
    def export() -> str:
        return "make -C /srv/nightcart export SHOP=shops/demo.yml TO=postgres://crm@db.example.com/shop"

    export()


mail_recommendations()
