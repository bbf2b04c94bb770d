"""What is missing or unsafe on this machine, each with the line that mends it; exit code 1 if something is.

python -m doctor             # for people
python -m doctor --json      # for machines: a list of {topic, is_well, found, mend}
"""

import argparse
import json
import sys
from dataclasses import asdict

import doctor
from settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines")
    options = parser.parse_args()
    try:
        findings = list(doctor.examine(Settings.from_environment()))
    except ValueError as error:
        sys.exit(f"doctor: {error}")
    print(json.dumps([asdict(finding) for finding in findings]) if options.json else shown(findings))
    sys.exit(0 if all(finding.is_well for finding in findings) else 1)


def shown(findings: list[doctor.Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{'ok  ' if finding.is_well else 'BAD '} {finding.topic:<26}{finding.found}")
        if not finding.is_well:
            lines.append(f"     {'':<26}→ {finding.mend}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
