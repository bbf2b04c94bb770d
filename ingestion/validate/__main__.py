"""Says what a night would make of a shop's files, without a night: what maps to what, what is refused, what outputs lack.

    python -m ingestion.validate --shop shops/demo.yml
    python -m ingestion.validate --shop shops/demo.yml --records 1000 --json

Looks at the first records of the oldest and the newest files of each source. Writes nothing, takes no lock and needs no
key. The exit status is 1 where a night could not land the files.
"""

import logging
import sys

import shop as shops
import steps
from ingestion.validate import report
from ingestion.validate.findings import validate
from settings import Settings


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("--records", type=int, default=10_000, help="of each file, from its beginning (default: 10000)")
    parser.add_argument("--files", type=int, default=3, help="how many of the newest files, beside the oldest (default: 3)")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        settings, shop = Settings.from_environment(), shops.read(options.shop)
        run_date = options.run_date or shop.newest_delivery_date(settings)
        findings = validate(settings, shop, run_date, max(1, options.records), max(1, options.files))
    except (steps.StepError, shops.ShopFileError, ValueError) as error:
        sys.exit(f"validate: {error}")
    print(report.as_json(findings) if options.json else report.as_text(findings))
    sys.exit(0 if findings.could_land else 1)


if __name__ == "__main__":
    main()
