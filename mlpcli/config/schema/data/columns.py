"""What columns hold, and what is made of them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mlpcli.config.schema.section import other_names, problem

__all__ = [
    "BINS",
    "COLUMN_KINDS",
    "MISSING_CELLS",
    "SCALINGS",
    "SCALING_OF_TABLES",
    "TARGET_TRANSFORM",
    "TERMS_OF_INPUTS",
    "ColumnKind",
    "Missing",
    "Scaling",
    "TableScaling",
    "TargetTransform",
    "TermName",
]

OTHER_SCALINGS = {
    **dict.fromkeys(("standard", "standard_scaler", "zscore", "z_score", "normal", "yes"), "standardize"),
    **dict.fromkeys(("standardized", "normalize", "true"), "standardize"),
    **dict.fromkeys(("mean", "demean"), "center"),
    **dict.fromkeys(("minmax", "min_max", "min_max_scaler", "max_abs"), "range"),
    **dict.fromkeys(("no", "off", "raw", "false"), "none"),
}
OTHER_IMAGE_SCALINGS = {**OTHER_SCALINGS, **dict.fromkeys(("whitening", "zca", "pca", "sphere"), "whiten")}
SCALINGS = (
    "how each feature is scaled, with statistics of the training split: standardize (mean 0, standard "
    "deviation 1), center (mean 0), range (from -1 to 1), none"
)
Scaling = Annotated[
    Literal["standardize", "center", "range", "none", "whiten"], other_names(OTHER_IMAGE_SCALINGS)
]


def _no_images(value: Any) -> Any:
    if isinstance(value, str) and OTHER_IMAGE_SCALINGS.get(value, value) == "whiten":
        raise problem(
            f"{value} is for images: those of cifar10, and rows of an npz file that are square images; "
            "set it to standardize"
        )
    return value


TableScaling = Annotated[
    Literal["standardize", "center", "range", "none"],
    other_names(OTHER_SCALINGS),
    BeforeValidator(_no_images),
]
SCALING_OF_TABLES: Any = Field("standardize", description=SCALINGS)
OTHER_KINDS = {
    **dict.fromkeys(("numeric", "numerical", "float", "int", "integer", "continuous"), "number"),
    **dict.fromkeys(("categorical", "str", "string", "text", "object", "nominal", "factor"), "category"),
    **dict.fromkeys(("bool", "binary"), "boolean"),
    **dict.fromkeys(("datetime", "time", "timestamp"), "date"),
    **dict.fromkeys(("ignore", "skip", "exclude", "leave_out"), "drop"),
}
ColumnKind = Annotated[Literal["drop", "number", "category", "boolean", "date"], other_names(OTHER_KINDS)]
OTHER_MISSING = {
    **dict.fromkeys(("mean", "median", "impute", "fill_with_mean", "fillna"), "fill"),
    **dict.fromkeys(("dropna", "drop_row", "skip", "ignore"), "drop"),
    **dict.fromkeys(("raise", "fail"), "error"),
}
Missing = Annotated[Literal["fill", "drop", "error"], other_names(OTHER_MISSING)]
MISSING_CELLS: Any = Field(
    "fill",
    description="what is done about missing cells: fill (with the median of the training split, and a "
    "feature that says so; for categories one of its own), drop (the row), error (refuse the data)",
)
BINS: Any = Field(
    0,
    ge=0,
    le=1000,
    description="number of bins, between quantiles of the training split, that encode each column of numbers "
    "beside the scaled number: the feature of a bin grows within it and is constant elsewhere (piecewise "
    "linear encoding; Gorishniy et al., 2022); 0 encodes none",
)
OTHER_TERMS = {
    **dict.fromkeys(("quadratic", "power", "x^2", "x**2"), "square"),
    **dict.fromkeys(("interaction", "interactions", "cross", "crosses", "x1x2"), "product"),
    **dict.fromkeys(("sin", "sinus", "fourier"), "sine"),
}
TermName = Annotated[Literal["square", "product", "sine"], other_names(OTHER_TERMS)]
TERMS_OF_INPUTS: Any = Field(
    [],
    description="further inputs, made from the scaled columns of numbers: square (x1^2 of each), product "
    "(x1 * x2 of every two), sine (sin(pi x1) of each); each of them is then scaled like a column",
    json_schema_extra={
        "allowed": "a list of any of square, product and sine",
        "single": True,
        "uniqueItems": True,
    },
)
TargetTransform = Literal["none", "log", "quantile"]
TARGET_TRANSFORM: Any = Field(
    "none",
    description="how the targets of a regression are bent before they are standardized, for those with a few "
    "very large values: log (of targets of 0 or more), quantile (the normal scores of the training split's "
    "quantiles), none; scores and predictions are in their own units",
)
COLUMN_KINDS: Any = Field(
    {},
    description="what single columns hold, where the guess is wrong: number, category, boolean, date "
    "(taken apart into year, month, weekday, hour and seconds), or drop to leave the column out",
)
