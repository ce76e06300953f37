"""vector_dissolve."""

from typing import Annotated, Literal

import geopandas as gpd

from cloche.library.vector.frames import existing, placed, valid
from cloche.process import Input, Job, Limits, Output, Vector, process


@process(
    version="1.0.0",
    keywords=["vector", "geometry", "union", "aggregation"],
    limits=Limits(memory="2GiB", time="15min"),
)
def vector_dissolve(
    features: Annotated[Vector, Input("Features to merge")],
    *,
    by: Annotated[list[str], Input("Attributes", max_occurs=20)] = [],  # noqa: B006 - never changed
    summary: Annotated[
        Literal["first", "sum", "mean", "min", "max", "median", "none"], Input("Summary of other attributes")
    ] = "first",
    parts: Annotated[Literal["multi", "single"], Input("Separate parts")] = "multi",
    job: Job,
) -> Annotated[Vector, Output("Merged features")]:
    """Dissolve.

    Merges features that agree in the given attributes, or all. The attribute ``features`` of the result counts how
    many were merged.

    Args:
        by: Attributes whose values are compared; none merges everything.
        summary: What becomes of the other attributes. sum, mean, min, max and median are for numbers: texts vanish.
        parts: "single" makes a feature of each separate part.
    """
    frame = valid(placed(features))
    keys = existing(list(by), frame, "by")
    job.progress(20, f"merging {len(frame)} features")
    if not len(frame):
        return frame
    count = "features" if "features" not in frame.columns else "features_merged"
    kept = [name for name in frame.columns if name not in keys and name != frame.geometry.name]
    numbers = [name for name in kept if frame[name].dtype.kind in "iufb"]
    wanted = {"none": [], "first": kept}.get(summary, numbers)
    aggregates = {**dict.fromkeys(wanted, str(summary)), count: "sum"}
    merged = frame[[*keys, *wanted, frame.geometry.name]].assign(**{count: 1})
    merged = merged.dissolve(by=keys or None, aggfunc=aggregates, dropna=False)
    merged = merged.reset_index(drop=not keys)
    job.progress(90, "writing")
    return merged if parts == "multi" else _single(merged)


def _single(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.explode(ignore_index=True)
