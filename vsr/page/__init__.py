"""Pages that need nothing else: one HTML file, no network, no library, light and dark, any width.

A page is made of what a JSON file holds: each number of a result stands in a <data> element whose value is
the JSON's own, ticks of axes apart. Charts are inline SVG with a text that stands for them and a table beside
them, pictures are PNG in the page. What makes the pages of a suite is beside the suite.
"""
