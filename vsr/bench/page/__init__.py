"""The page of `vsr bench`: results of any suite with tables and charts, what was refused, and the method."""

from vsr.bench.page.document import results_page

__all__ = ["results_page"]
