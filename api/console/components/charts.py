"""Line charts over the last minutes, in colours that read on light and dark ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nicegui import ui

COLOURS = {
    "stored": "#7d8899",
    "publisher": "#4c7bea",
    "projector": "#26a69a",
    "catalogue": "#d9952b",
    "commands": "#9b72d8",
    "expiry": "#d4608f",
    "revalidator": "#57a64a",
}
"""A name keeps its colour, whichever lines are drawn."""
_OTHER = "#b07d62"
_LABEL, _RULE = "#8791a1", "rgba(135, 145, 161, 0.22)"
MAX_POINTS = 150
"""Of a line: as many as a reader can tell apart, and few enough to send every two seconds."""

Line = Sequence[tuple[datetime, float]]


class Chart:
    """A chart that grows with its lines."""

    def __init__(self, name: str) -> None:
        self._chart = ui.echart(_options(name)).classes("chart")
        self._chart.props.update({"role": "img", "aria-label": name})

    def draw(self, lines: Mapping[str, Line]) -> None:
        """Leaves out lines that were zero all the time, unless all were."""
        nonzero = {name: line for name, line in lines.items() if any(value for _, value in line)}
        self._chart.options["series"] = [_series(name, line) for name, line in (nonzero or lines).items()]
        self._chart.update()


def _series(name: str, line: Line) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "sampling": "max",
        "lineStyle": {"width": 1.6},
        "color": COLOURS.get(name, _OTHER),
        "emphasis": {"disabled": True},
        "data": [[int(at.timestamp() * 1000), round(value, 2)] for at, value in _thinned(line)],
    }


def _thinned(line: Line) -> Line:
    """Keeps the highest of every few points: readers look for peaks."""
    width = -(-len(line) // MAX_POINTS)
    if width <= 1:
        return line
    return [max(line[at : at + width], key=lambda point: point[1]) for at in range(0, len(line), width)]


def _options(name: str) -> dict[str, Any]:
    label = {"color": _LABEL, "fontSize": 11, "fontFamily": "Roboto, sans-serif"}
    return {
        "animation": False,
        "aria": {"enabled": True, "label": {"description": name}},
        "grid": {"left": 4, "right": 8, "top": 34, "bottom": 2, "containLabel": True},
        "legend": {
            "top": 0,
            "left": 0,
            "type": "scroll",
            "icon": "roundRect",
            "itemWidth": 10,
            "itemHeight": 3,
            "itemGap": 14,
            "textStyle": label,
            "inactiveColor": "rgba(135, 145, 161, 0.45)",
        },
        "tooltip": {
            "trigger": "axis",
            "renderMode": "richText",
            "backgroundColor": "#1d2430",
            "borderWidth": 0,
            "textStyle": {**label, "color": "#e7eaef"},
            "axisPointer": {"lineStyle": {"color": _LABEL, "type": "dashed"}},
        },
        "useUTC": True,
        "xAxis": {
            "type": "time",
            "axisLine": {"lineStyle": {"color": _RULE}},
            "axisTick": {"show": False},
            "axisLabel": {**label, "hideOverlap": True, "showMaxLabel": False, "formatter": "{HH}:{mm}:{ss}"},
            "splitNumber": 3,
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "minInterval": 0.1,
            "axisLabel": label,
            "splitNumber": 3,
            "splitLine": {"lineStyle": {"color": _RULE}},
        },
        "series": [],
    }
