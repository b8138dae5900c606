// What a browser made of a page, as one object. The page is changed: all that is folded is unfolded.
(() => {
  document.querySelectorAll("details").forEach(each => { each.open = true; });

  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = {};
  const painted = text => known[text] ??= paint(text);
  const paint = text => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = text;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  };
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const found = painted(getComputedStyle(each).backgroundColor);
      if (found.alpha > 0.5) return found.rgb;
    }
    return [255, 255, 255];
  };
  const luminance = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const name = element => `${element.tagName.toLowerCase()}.${element.getAttribute("class") || ""}`;

  const texts = [], values = [], words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement, text = node.data.trim();
    if (!text || parent.closest("script, style, title, option")) continue;
    const style = getComputedStyle(parent), svg = parent.closest("svg"), box = parent.getBoundingClientRect();
    const view = svg && svg.viewBox.baseVal, frame = svg && svg.getBoundingClientRect();
    texts.push({
      text,
      contrast: contrast(painted(svg ? style.fill : style.color).rgb, ground(svg ? svg.parentElement : parent)),
      pixels: parseFloat(style.fontSize) * (svg ? frame.width / view.width : 1),
      is_inside: !svg || (box.left >= frame.left - 1 && box.right <= frame.right + 1
        && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1),
    });
    const data = parent.closest("data");
    if (data) values.push([Number(data.value), data.textContent]);
    else if (!parent.matches(".tick")) words.push(text);
  }

  const shapes = [...document.querySelectorAll(".bar, .column, .plot, .bound, circle, .axis")].map(element => {
    const style = getComputedStyle(element);
    const isLine = element.matches(".plot, .bound, .axis, .mark");
    const color = element.matches(".bar") ? style.backgroundColor : isLine ? style.stroke : style.fill;
    return { name: name(element), contrast: contrast(painted(color).rgb, ground(element.parentElement)) };
  });
  const sizes = [...document.querySelectorAll("svg, img, .track, table")].map(element => {
    const box = element.getBoundingClientRect();
    return { name: name(element), width: box.width, height: box.height };
  });
  return {
    texts, values, words: words.join(" "), shapes, sizes,
    inner_width: innerWidth,
    scroll_width: document.documentElement.scrollWidth,
    broken_pictures: [...document.images].filter(each => !each.complete || !each.naturalWidth).length,
    unnamed: [...document.querySelectorAll("svg, select, input, img")]
      .filter(each => !each.hasAttribute("aria-label") && !each.hasAttribute("alt")).map(name),
  };
})()
