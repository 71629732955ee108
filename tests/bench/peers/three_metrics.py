"""NumPy and SciPy: Pearson, ROC AUC and sensitivity of 2,048 features (1.5 % non-zero) against 18 binary attributes at
200,000 data points. AUC from scipy.stats.rankdata per feature (average ranks); everything else is matrix products over blocks
of features, so that only the ranks cost time.
"""

import numpy
import scipy.sparse
import scipy.stats

from rival import measure

POINTS, FEATURES, ATTRIBUTES, DENSITY, BLOCK = 200_000, 2_048, 18, 0.015, 64


def main():
    random = numpy.random.default_rng(1)
    codes = scipy.sparse.random(POINTS, FEATURES, DENSITY, format="csc", dtype=numpy.float32, random_state=random)
    labels = (random.random((POINTS, ATTRIBUTES)) < numpy.linspace(0.01, 0.5, ATTRIBUTES)).astype(numpy.float32)

    def step():
        positives = labels.sum(0, dtype=numpy.float64)
        negatives = POINTS - positives
        share = positives / POINTS
        label_deviation = numpy.sqrt(share * (1 - share))
        best = 0.0
        for first in range(0, FEATURES, BLOCK):
            block = codes[:, first : first + BLOCK].toarray()
            mean = block.mean(0, dtype=numpy.float64)
            deviation = numpy.sqrt(numpy.maximum((block.astype(numpy.float64) ** 2).mean(0) - mean**2, 0))
            products = block.T @ labels
            pearson = (products / POINTS - numpy.outer(mean, share)) / numpy.outer(deviation, label_deviation)
            ranks = numpy.empty((POINTS, block.shape[1]))
            for column in range(block.shape[1]):
                ranks[:, column] = scipy.stats.rankdata(block[:, column])
            auc = (ranks.T @ labels - positives * (positives + 1) / 2) / (positives * negatives)
            sensitivity = (block > 0).astype(numpy.float32).T @ labels / positives
            best = max(best, float(numpy.abs(pearson).max()), float(auc.max()), float(sensitivity.max()))
        return {"best": best}

    measure(step, work=POINTS, warmup=0, repeats=1)


if __name__ == "__main__":
    main()
