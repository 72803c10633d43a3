"""From the key ``requirements`` of service.yml to what is asked of mirrors."""

from __future__ import annotations

from mirrorlist.core.requirements import Asked, Requirements
from mirrorlist.sources.durations import duration_seconds
from mirrorlist.sources.service_text import AskedText, RequirementsText


def requirements_of(text: RequirementsText) -> Requirements:
    """Both levels, as the schema accepted them."""
    return Requirements(_asked(text.minimum), _asked(text.preferred))


def _asked(text: AskedText) -> Asked:
    return Asked(
        bandwidth_mbps=text.bandwidth_mbps,
        storage_gb=text.storage_gb,
        update_frequency_seconds=duration_seconds(text.update_frequency) if text.update_frequency else None,
        protocols=text.protocols,
        availability_percent=text.availability_percent,
        complete_percent=text.complete_percent,
        agreement=text.agreement,
    )
