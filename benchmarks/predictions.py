"""The night's predictors beside others, on public data.

    python -m benchmarks.predictions            # ten minutes and more on two cores
    python -m benchmarks.predictions --quick    # first folds only, and Online Retail without the network; no limits

- UCI Online Shoppers: tabular_network beside tuned gradient boosting and logistic regression. Limits, over all test rows: AUC at most
  0.002 below gradient boosting's, log loss at most 0.003 above.
- Online Retail: purchase_30d on the newest labelled snapshot, by the night's own code. Limit: the network's log loss at most 0.01 above
  gradient boosting's.
- CDNOW: purchases of the last 39 weeks from the first 39, beside BG/NBD by maximum likelihood. Limits: the better of ours has a
  smaller Poisson deviance than BG/NBD has with the total set right, and the published parameters of BG/NBD, which are of a tenth
  of the customers, lie within those of ten tenths.

Needs ../shared/data.
"""

import argparse
import json
import sys

from benchmarks.predictors import cdnow, online_retail, online_shoppers

DATA_SETS = {"online_shoppers": online_shoppers, "cdnow": cdnow, "online_retail": online_retail}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="first folds only, and Online Retail without the network")
    parser.add_argument("--only", choices=DATA_SETS, action="append", help="a data set; may be given again (default: all)")
    options = parser.parse_args()
    found = {name: DATA_SETS[name].compared(options.quick) for name in options.only or DATA_SETS}
    faults = [] if options.quick else [fault for each in found.values() for fault in each["faults"]]
    print(*faults, sep="\n")
    print(json.dumps(found))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
