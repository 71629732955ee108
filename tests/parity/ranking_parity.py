"""RePlay's metrics (replay-rec) on the questions that ranking_parity_test.cc wrote, set beside Heddle's.

RePlay gets the scores of all items that a user has not seen and makes its own lists, by (score, item) descending. Exit code
1 when a mean or a user's value differs by more than 1e-9.
"""

import json
import sys
import warnings

import pandas
from replay.metrics import MAP, MRR, NDCG, Coverage, HitRate, PerUser, Precision, Recall

TOLERANCE = 1e-9
METRICS = {"ndcg": NDCG, "hit_rate": HitRate, "mrr": MRR, "recall": Recall, "map": MAP, "precision": Precision}


def frames(case):
    """Recommendations, targets, and a log whose items are those that count for coverage."""
    rows = []
    for user in range(case["users"]):
        seen = set(case["seen"][user])
        scores = case["scores"][user * case["items"] : (user + 1) * case["items"]]
        rows += [(user, item, score) for item, score in enumerate(scores) if item not in seen]
    targets = [(user, item) for user, items in enumerate(case["targets"]) for item in items]
    counted = [(0, item) for item, counts in enumerate(case["counted"]) if counts]
    return (
        pandas.DataFrame(rows, columns=["query_id", "item_id", "rating"]),
        pandas.DataFrame(targets, columns=["query_id", "item_id"]),
        pandas.DataFrame(counted, columns=["query_id", "item_id"]),
    )


def differences(case):
    """(what, ours, theirs) of every value."""
    recommendations, targets, log = frames(case)
    for k_text, results in case["results"].items():
        k = int(k_text)
        for name, ours in results.items():
            if name == "coverage":
                (theirs,) = Coverage(k)(recommendations, log).values()
                yield f"coverage@{k}", ours["mean"], theirs
                continue
            (theirs,) = METRICS[name](k)(recommendations, targets).values()
            yield f"{name}@{k}", ours["mean"], theirs
            (per_user,) = METRICS[name](k, mode=PerUser())(recommendations, targets).values()
            assert len(per_user) == case["users"] == len(ours["per_user"])
            for user, value in enumerate(ours["per_user"]):
                yield f"{name}@{k} of user {user}", value, per_user[user]


def main():
    warnings.simplefilter("ignore")
    with open(sys.argv[1]) as file:
        cases = json.load(file)
    compared, worst = 0, 0.0
    for case in cases:
        assert {"ndcg", "hit_rate", "mrr", "recall", "coverage"} <= set(case["results"]["10"])
        for what, ours, theirs in differences(case):
            compared += 1
            worst = max(worst, abs(ours - theirs))
            if not abs(ours - theirs) <= TOLERANCE:
                print(f"{what}: Heddle {ours!r}, RePlay {theirs!r}")
    print(f"{compared} values compared, largest difference {worst:.1e}")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
