"""Stages of `judge`: language, perplexity, likeness to pages that Wikipedia cites."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.transforms.judging import Judging, JudgeStage
