"""A night whose steps are killed with -9 at random moments, again and again, and what is lost or torn by that."""

import random
import signal
from collections import Counter

from tests.faults.stage import NIGHT, NIGHT_BEFORE, STEPS, Stage, Torn

PUBLISH, SCORE_AGAIN = ("serving_exports.publish",), ("training.score", "--again")


def killed_night(stage: Stage, chance: random.Random, kills: Counter) -> Counter:
    """One night; a killed step is run again, as the scheduler does, and killed again until its kills are spent.

    A step that ends before its kill came leaves it to the next; what is left after the last is spent on scoring once more.

    Args:
        kills: how often each step is to be killed.

    Returns:
        "kills": how many there were; "torn": after how many no whole build was served; "lost": how many tables, files and
        versions differ in the end from those of a night that nothing happened to.
    """
    stage.put_back(STEPS[0])
    came = Counter(kills=0, torn=0, lost=0)
    due = 0
    for step in STEPS:
        due += kills[step]
        due -= run_to_its_end(stage, chance, step, due, came)
    if due:
        stage.finish(SCORE_AGAIN)  # and see how long it takes
    while due:
        due -= run_to_its_end(stage, chance, SCORE_AGAIN, due, came)
    came["torn"] += stage.served() != NIGHT
    came["lost"] += len(stage.lost())
    return came


def run_to_its_end(stage: Stage, chance: random.Random, step: tuple[str, ...], kills: int, came: Counter) -> int:
    """Run a step until it ends well, killing it at most so many times; how many of them came before it had ended."""
    for killed in range(kills):
        code = stage.run(step, kill_after=chance.uniform(0, stage.seconds[step]))
        if code != -signal.SIGKILL:
            assert code == 0, f"{' '.join(step)} ended with {code} after {came['kills']} kills\n{stage.said}"
            return killed
        came += Counter(kills=1, torn=int(is_torn(stage, step)))
    stage.finish(step)
    return kills


def is_torn(stage: Stage, killed: tuple[str, ...]) -> bool:
    """Whether something else is served than a whole build: the old one, or tonight's where the flip may be over."""
    may_be_new = killed in (PUBLISH, SCORE_AGAIN)
    try:
        return stage.served() not in {NIGHT_BEFORE, *([NIGHT] if may_be_new else [])}
    except Torn:
        return True
