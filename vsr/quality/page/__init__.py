"""The pages of `vsr eval`, `vsr models compare` and `vsr compare`."""

from vsr.quality.page.comparison import comparison_page
from vsr.quality.page.evaluation import evaluation_page

__all__ = ["comparison_page", "evaluation_page"]
