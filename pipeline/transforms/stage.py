"""What a flow is made of: stages, each a set of named thresholds that a config can override."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Stage(BaseModel):
    """A step of a flow, frozen; its fields are the thresholds, each with a default and where that comes from.

    `name` is its key in a config, under its source.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: ClassVar[str]
    on: bool = Field(True, description="a stage that a flow has off is turned on by naming it in the config")

    def settings(self) -> dict[str, Any]:
        """All that decides what the stage does, as JSON, for keys and manifests."""
        return {"stage": self.name, **self.model_dump(mode="json", exclude={"on"})}

    def model_paths(self) -> list[str]:
        """The model files the stage needs, whose digests are part of its phase's key."""
        return []
