"""Results as one HTML file that needs nothing else: no network, no library, light and dark, any width.

Pages are made of what the JSON holds: each number of a result stands in a <data> element whose value is the
JSON's own. Charts are inline SVG, pictures are PNG in the page.
"""

from vsr.quality.page.comparison import comparison_page
from vsr.quality.page.evaluation import evaluation_page

__all__ = ["comparison_page", "evaluation_page"]
