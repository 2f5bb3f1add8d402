"""One recipe for each source, read from top to bottom."""

from __future__ import annotations

from pipeline.flow import Flow
from pipeline.flows.commoncrawl import COMMONCRAWL

FLOWS: dict[str, Flow] = {flow.name: flow for flow in (COMMONCRAWL,)}
