"""Schedules as A1111 lists them."""

from __future__ import annotations

from modules.sampling.catalog import SCHEDULES

schedulers = list(SCHEDULES)
schedulers_map = {name: schedule for schedule in SCHEDULES for name in (schedule.name, schedule.label)}
