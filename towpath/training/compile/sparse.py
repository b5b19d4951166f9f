"""Whether fitted preprocessing hands on a sparse matrix: to XGBoost, alone of all, the zeros left out are missing."""

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.impute import MissingIndicator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, TargetEncoder

DENSE = (OrdinalEncoder, TargetEncoder, PCA, TruncatedSVD)  # whatever they are given


def gives_sparse(transformer: Any, given: bool) -> bool:
    """Whether this makes a sparse matrix of what it is given, which is one or not; most steps leave that as it is."""
    match transformer:
        case Pipeline():
            for _, step in transformer.steps:
                given = gives_sparse(step, given)
            return given
        case ColumnTransformer():
            return bool(transformer.sparse_output_)
        case FeatureUnion():
            return any(gives_sparse(part, given) for _, part in transformer.transformer_list if part != "drop")
        case OneHotEncoder():
            return bool(transformer.sparse_output)
        case KBinsDiscretizer():
            return bool(transformer.encode == "onehot")
        case MissingIndicator():
            return given if transformer.sparse == "auto" else bool(transformer.sparse)
    return given and not isinstance(transformer, DENSE)
