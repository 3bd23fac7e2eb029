"""The tabs of the page, one file each, with `build(...)`; their order is in `web/page.py`."""
