"""The page that Streamlit runs anew at every click: which shop, which build, which page. Served by `python -m explorer`."""

import functools

import streamlit as st

import shop as shops
from explorer import groups, items, nights, people, questions
from explorer.view import View
from serving_exports import published
from serving_exports.builds import Builds
from settings import Settings
from shop import Shop

PAGES = {"people": ("A person", people.page), "items": ("An item", items.page), "groups": ("Segments and audiences", groups.page),
         "nights": ("Two nights", nights.page), "sql": ("SQL", questions.page)}  # fmt: skip
LOOK_EVERY_SECONDS = 5


def published_shops(settings: Settings) -> dict[str, Shop]:
    """The shops of the shop files that have a build; a faulty file is `make doctor`'s to name."""
    found = {}
    for file in sorted([*settings.shops.glob("*.yml"), *settings.shops.glob("*.yaml")]):
        try:
            shop = shops.read(file)
        except shops.ShopFileError:
            continue
        if Builds(settings.paths(shop.name).serving).current():
            found[shop.name] = shop
    return found


@st.fragment(run_every=LOOK_EVERY_SECONDS)
def follow(settings: Settings, shop: Shop, seen: str) -> None:
    """Run the page anew when `serving/current` has moved on."""
    if published.current(settings, shop).name != seen:
        st.rerun()
    st.markdown(f"build {seen}")


def main() -> None:
    st.set_page_config("Nightcart", layout="wide")
    settings = Settings.from_environment()
    known = published_shops(settings)
    if not known:
        st.info("Nothing is published yet: run `make nightly` first.")
        return
    chosen = st.sidebar.selectbox("Shop", known, format_func=lambda name: known[name].title)
    shop, folder = known[chosen], published.current(settings, known[chosen])
    with st.sidebar:
        follow(settings, shop, folder.name)
    with published.opened(settings, folder) as connection:
        view = View(settings, shop, folder, connection)
        st.navigation(
            [
                st.Page(functools.partial(page, view), title=title, url_path=path, default=path == "people")
                for path, (title, page) in PAGES.items()
            ]
        ).run()


main()
