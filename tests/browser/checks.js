// Evaluated in the page: returns what is wrong with it, as sentences. limits: {minContrast, minTarget, minAct}.
(limits) => {
  "use strict";
  const wrong = [];
  const visible = (e) => e.checkVisibility() && e.getClientRects().length > 0;

  const color = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = color(getComputedStyle(e).backgroundColor);
      if (c.a === 1) return c;
    }
    return { r: 255, g: 255, b: 255 };
  };

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push(`${root.scrollWidth} px wide in ${root.clientWidth}`);
  for (const e of document.querySelectorAll("body *")) {
    const box = e.getBoundingClientRect();
    const outside = box.right > root.clientWidth + 0.5 || box.left < -0.5;
    if (visible(e) && !e.matches(".skip") && outside) wrong.push(`<${e.localName}> leaves the window`);
  }

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = texts.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || !visible(e) || e.matches(".skip")) continue;
    const r = ratio(color(getComputedStyle(e).color), ground(e));
    if (r < limits.minContrast) wrong.push(`contrast ${r.toFixed(2)}: "${n.data.trim().slice(0, 30)}"`);
  }
  for (const e of document.querySelectorAll("button, .button")) {
    const style = getComputedStyle(e);
    const behind = ground(e.parentElement);
    const r = Math.max(ratio(color(style.borderTopColor), behind), ratio(color(style.backgroundColor), behind));
    if (r < 3) wrong.push(`a button's edge has contrast ${r.toFixed(2)}`);
  }

  for (const e of document.querySelectorAll("button, a[href], summary, label")) {
    if (!visible(e) || e.matches(".skip")) continue;
    const { width, height } = e.getBoundingClientRect();
    const inSentence = e.closest("footer, aside");
    const least = e.closest(".acts") ? limits.minAct : inSentence ? 0 : limits.minTarget;
    if (Math.min(width, height) < least) wrong.push(`<${e.localName}> is ${width | 0} by ${height | 0} px`);
  }

  const levels = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((h) => Number(h.localName[1]));
  if (levels[0] !== 1 || levels.filter((l) => l === 1).length !== 1) wrong.push(`headings ${levels}`);
  if (levels.some((l, i) => i > 0 && l > levels[i - 1] + 1)) wrong.push(`a heading level is skipped: ${levels}`);
  const squeezed = (s) => s.replace(/\s+/g, " ").trim();
  const heading = squeezed(document.querySelector("h1").textContent);
  if (squeezed(document.title) !== heading) wrong.push(`the title is "${document.title}"`);
  for (const name of ["header", "main"]) {
    if (document.querySelectorAll(`body > ${name}`).length !== 1) wrong.push(`not one ${name}`);
  }

  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) wrong.push(`ids ${ids}`);
  const allowed = document.body.matches(".ask") ? ["continue", "cancel", "return", "signout", "error"] : ["main"];
  for (const id of ids) if (!allowed.includes(id)) wrong.push(`id "${id}"`);
  for (const e of document.querySelectorAll("button[id], a[id], [autofocus], [tabindex]")) {
    wrong.push(`<${e.localName}> could be focused by a link`);
  }
  if (document.body.matches(".ask") && document.querySelector("header a")) wrong.push("a link in the header");

  if (document.querySelectorAll(".solid").length > 1) wrong.push("more than one solid button");
  const form = document.querySelector('form[action="/decision"]');
  if (form && form.querySelector("#continue")) {
    if (document.querySelectorAll(".amber").length > 1) wrong.push("more than one amber note");
    const warned = document.querySelector(".amber");
    if (warned && document.querySelector("form .solid")) wrong.push("Continue keeps its colour beside a warning");
    const vouched = [...document.querySelectorAll("main > p b")].some((b) => b.textContent === "Approved");
    const guarded = document.querySelector("main").matches(".guard");
    if (vouched === guarded) wrong.push("guarded although vouched for, or the other way round");
    const quoted = /^Continue to “.*” as /.test(squeezed(document.title));
    if (vouched === quoted) wrong.push("a name is quoted that is vouched for, or the other way round");
  }
  for (const e of document.querySelectorAll("main *")) {
    const next = e.nextSibling; // text browsers glue neighbours together
    if (next instanceof HTMLElement && !e.closest("code") && next.localName !== "input") {
      wrong.push(`no white space between <${e.localName}> and <${next.localName}>`);
    }
  }
  const live = document.querySelector("main script, main style, [style], img[src^=http]");
  if (live) wrong.push(`something from outside is live: <${live.localName}>`);
  return [...new Set(wrong)];
}
