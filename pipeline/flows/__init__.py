"""One recipe for each source, read from top to bottom."""

from __future__ import annotations

from pipeline.flow import Flow
from pipeline.flows.arxiv import ARXIV
from pipeline.flows.books import BOOKS
from pipeline.flows.c4 import C4
from pipeline.flows.c4_from_web import C4_FROM_WEB
from pipeline.flows.commoncrawl import COMMONCRAWL
from pipeline.flows.documents import DOCUMENTS
from pipeline.flows.github import GITHUB
from pipeline.flows.stackexchange import STACKEXCHANGE
from pipeline.flows.wikipedia import WIKIPEDIA

FLOWS: dict[str, Flow] = {
    flow.name: flow
    for flow in (COMMONCRAWL, C4, C4_FROM_WEB, GITHUB, WIKIPEDIA, BOOKS, ARXIV, STACKEXCHANGE, DOCUMENTS)
}
