"""What the page itself has to do: its style, and the little that only a script in the browser can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# In JupyterLab a letter typed while a button has the focus would be a command of the notebook: "dd"
# deletes the cell. And cytoscape remembers where on the page it lies and how wide it is: what moved it since
# makes a click miss, so it looks again when the pointer comes in, and fits itself into another width.
# The form may be drawn after this runs, hence the timer.
_AT_HOME = """
const largest = __LARGEST__;
// The page's connection drops over a file that is too large, and then nobody could say so. The widget's
// own input is no part of the page: it is met when it is asked to open.
const meet = (input, form, button) => {
  if (input.dataset.mlprovLimit) return;
  input.dataset.mlprovLimit = String(largest);
  input.addEventListener("change", (event) => {
    const file = largest && [...input.files].find((each) => each.size > largest);
    if (!file) return sending([...input.files], button);
    event.stopImmediatePropagation();
    input.value = "";
    say(form, "mlprov-refused", `${file.size} ${Date.now()} ${file.name}`);
  }, true);
};
// A large file takes seconds to arrive, in which the form cannot know of it: said until the form says more.
const sending = (files, button) => {
  const size = files.reduce((sum, each) => sum + each.size, 0) / 1e6, told = document.createElement("div");
  if (size < 1) return;
  told.className = "mlprov-note";
  told.setAttribute("role", "status");
  told.textContent = `Sending ${files.map((each) => each.name).join(" and ")} (${size.toFixed(1)} MB)…`;
  button.after(told);
  const watcher = new MutationObserver((changes) => {
    const own = changes.every(({ target }) => target.contains(told) || button.contains(target));
    if (own && !button.textContent.includes("(0)")) return;
    watcher.disconnect();
    told.remove();
  });
  watcher.observe(button.closest(".mlprov"), { childList: true, subtree: true, characterData: true });
};
const say = (form, name, text) => {
  const field = form.querySelector(`.${name} input`);
  if (!field) return false;
  field.value = text;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
};
const copied = async (text) => {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
};
let looks = 0, met = 0;
const timer = setInterval(() => {
  const forms = document.querySelectorAll(".mlprov");
  forms.forEach((form) => {
    if (form.dataset.mlprovKeys) return;
    form.dataset.mlprovKeys = "own";
    met += 1;
    form.setAttribute("data-lm-suppress-shortcuts", "true");
    form.addEventListener("keydown", (event) => event.stopPropagation());
    // Notebook 7 listens before the form does, and looks at the element that has the focus.
    form.addEventListener("focusin", ({ target }) => {
      target.setAttribute("data-lm-suppress-shortcuts", "true");
      // Else a screen reader says the "(0)" of ipywidgets behind it.
      if (target.matches(".widget-upload")) target.setAttribute("aria-label", target.title);
    });
    form.addEventListener("click", (event) => {
      const button = event.target.closest(".widget-upload");
      if (!button) return;
      const open = HTMLInputElement.prototype.click;
      HTMLInputElement.prototype.click = function () {
        meet(this, form, button);
        return open.call(this);
      };
      setTimeout(() => { HTMLInputElement.prototype.click = open; });
    }, true);
    // On a phone all of it would be too small to be read: what was opened is looked at, and "Fit" shows the rest.
    const follow = (graph) => {
      if (graph.scratch("_mlprov")) return;
      graph.scratch("_mlprov", "followed");
      let due = 0;
      const look = () => {
        if (graph.width() > 480) return;
        const shown = graph.nodes(":visible").filter((node) => !node.hasClass("corner") && node.id() !== "hint");
        const is = (node, name) => node.hasClass(name);
        const opened = shown.filter((node) => !is(node, "stage") && (!is(node, "step") || is(node, "open")));
        const part = opened.length ? opened : shown;
        if (!part.length) return;
        graph.fit(part, 12);
        if (graph.zoom() >= 0.78) {
          if (graph.zoom() > 1.05) graph.zoom(1.05);
          graph.center(part);
          return;
        }
        graph.zoom(0.78);
        const chosen = part.filter(".chosen, .step.open");
        graph.center(chosen.length ? chosen.closedNeighborhood().nodes().intersection(shown) : part);
      };
      graph.on("layoutstop add class position resize", () => { clearTimeout(due); due = setTimeout(look, 80); });
      setTimeout(look, 500);
    };
    const graphs = () => [...form.querySelectorAll(".mlprov-graph, .mlprov-graph *")]
      .filter((element) => element._cyreg && element._cyreg.cy).map((element) => element._cyreg.cy);
    // The table of what is drawn stays open when it is drawn anew.
    form.addEventListener("toggle", ({ target }) => {
      const explorer = target.matches(".mlprov-seen") && target.closest(".mlprov-explorer");
      if (explorer) explorer.dataset.table = target.open ? "open" : "";
    }, true);
    graphs().forEach(follow);
    new MutationObserver(() => graphs().forEach(follow)).observe(form, { childList: true, subtree: true });
    new MutationObserver(() => form.querySelectorAll(".mlprov-explorer").forEach((explorer) => {
      const table = explorer.dataset.table === "open" && explorer.querySelector(".mlprov-seen:not([open])");
      if (table) table.open = true;
      // What was read by the keyboard may be told anew when more is known of it.
      const lost = explorer.dataset.reading && document.activeElement === document.body;
      const heading = (explorer.dataset.focus || lost) && explorer.querySelector(".mlprov-details h3:not([data-met])");
      if (!heading) return;
      delete explorer.dataset.focus;
      heading.focus();
      heading.dataset.met = explorer.dataset.reading = "yes";
    })).observe(form, { childList: true, subtree: true });
    form.addEventListener("focusin", ({ target }) => {
      const explorer = target.closest(".mlprov-explorer");
      if (explorer && !target.matches(".mlprov-details h3")) delete explorer.dataset.reading;
    });
    // What is drawn has no text for a screen reader; the table below it has, and so says the canvas.
    form.addEventListener("focusin", () => form.querySelectorAll(".mlprov-graph").forEach((canvas) => {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", "The graph; the table below it holds the same");
    }));
    form.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-go], [data-copy], [data-zoom]");
      const explorer = pressed && pressed.closest(".mlprov-explorer");
      if (!explorer) return;
      const { go, copy, zoom } = pressed.dataset;
      if (go) say(explorer, "mlprov-goto", `${go} ${Date.now()}`);
      // From the keyboard: what was pressed is drawn anew, so the focus goes to what it opened.
      if (go && event.detail === 0) {
        const old = explorer.querySelector(".mlprov-details h3");
        if (old) old.dataset.met = "yes";
        explorer.dataset.focus = "heading";
      }
      if (copy) copied(copy).then(() => {
        const label = pressed.textContent;
        pressed.textContent = "Copied";
        setTimeout(() => { pressed.textContent = label; }, 1500);
      });
      if (zoom) [...explorer.querySelectorAll(".mlprov-graph, .mlprov-graph *")]
        .filter((element) => element._cyreg && element._cyreg.cy).map((element) => element._cyreg.cy)
        .forEach((graph) => {
          graph.resize();
          if (zoom === "fit") graph.fit(graph.elements(":visible"), 14);
          else graph.zoom({
            level: graph.zoom() * (zoom === "in" ? 1.25 : 0.8),
            renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 },
          });
        });
    });
    form.addEventListener("pointerover", (event) => {
      if (event.target.closest(".mlprov-graph")) graphs().forEach((graph) => graph.resize());
    }, true);
    // The code beside the form is drawn anew with every change: it stays where a person scrolled to, and
    // moves only to show what changed. A file that was asked for is saved without a second click.
    let place = 0, page = "", pressed = null;
    document.addEventListener("pointerdown", () => { pressed = null; }, true);
    form.addEventListener("focusin", () => { pressed = null; }); // a person has gone on by the keyboard
    form.addEventListener("click", ({ target }) => {
      pressed = target.closest("button") && { heading: form.querySelector("h2") };
    }, true);
    form.addEventListener("scroll", ({ target }) => {
      if (target.matches(".mlprov-cells")) place = target.scrollTop;
    }, true);
    new MutationObserver((changes) => {
      const added = changes.flatMap((change) => [...change.addedNodes]).filter((node) => node.nodeType === 1);
      const find = (css) => added.map((node) => node.matches(css) ? node : node.querySelector(css)).find(Boolean);
      const cells = find(".mlprov-cells");
      if (cells) {
        if (cells.dataset.page !== page) place = 0;
        page = cells.dataset.page;
        cells.scrollTop = place;
        const line = cells.querySelector(".hll");
        const [box, own] = [cells, line || cells].map((element) => element.getBoundingClientRect());
        const seen = own.top >= box.top && own.bottom <= box.bottom;
        if (line && !seen) cells.scrollTop += own.top - box.top - box.height / 3;
      }
      // A button that leads to another page goes with its own page, and the focus with it: it goes on at the heading.
      // Which of the two pages is first gone or there is not said, so it is looked at after every change.
      if (pressed) setTimeout(() => {
        const title = form.querySelector("h2");
        if (!pressed || !title || title === pressed.heading || form.contains(document.activeElement)) return;
        pressed = null;
        title.tabIndex = -1;
        title.focus();
      }, 50);
      // What was refused is told above the page, where nobody sees it who is far down.
      find(".mlprov-message .mlprov-bad")?.scrollIntoView({ block: "nearest" });
      const arrived = find(".mlprov-arrived");
      arrived?.scrollIntoView({ block: "start" });
      arrived?.focus({ preventScroll: true });
      find("a.mlprov-now")?.click();
      find(".mlprov-live")?.setAttribute("role", "status");
    }).observe(form, { childList: true, subtree: true });
    // A field that is looked for, on a page that may have been opened for it a moment ago.
    new MutationObserver(() => form.querySelectorAll(".mlprov-sought").forEach((field) => {
      const control = [...field.querySelectorAll("input, select, textarea, button")].find((each) => each.offsetParent);
      if (!control) return;
      field.classList.remove("mlprov-sought");
      control.focus({ preventScroll: true });
      field.scrollIntoView({ block: "center" });
    })).observe(form, { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "style"] });
    let width = form.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(form.clientWidth - width) < 30) return;
      width = form.clientWidth;
      graphs().forEach((graph) => { graph.resize(); graph.fit(undefined, 14); });
    }).observe(form);
  });
  if (met || ++looks > 100) clearInterval(timer);
}, 100);
"""
# A reload of a Voilà page starts another kernel. The page's address keeps a token that nobody can guess,
# and hands it to the form through a field that nobody sees.
_REMEMBERED = """
const address = new URL(window.location.href);
let token = address.searchParams.get("experiment") || "";
if (!/^[0-9a-f]{32}$/.test(token)) {
  token = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  address.searchParams.set("experiment", token);
  window.history.replaceState(null, "", address);
}
// The browser's Back leads to what was open in the form before, and not away from it.
let opened = -1, leading = -1;
const steps = () => [...document.querySelectorAll(".mlprov .mlprov-step")];
addEventListener("popstate", ({ state }) => {
  const step = state && steps()[state.mlprovStep];
  if (!step || step.disabled || step.matches(".mlprov-current")) return;
  leading = state.mlprovStep;
  step.click();
});
new MutationObserver(() => {
  const now = steps().findIndex((step) => step.matches(".mlprov-current"));
  if (now < 0 || now === opened) return;
  // What nobody clicked for, such as a form that is found again, is no way that a person came.
  const went = opened >= 0 && now !== leading && navigator.userActivation?.isActive;
  window.history[went ? "pushState" : "replaceState"]({ mlprovStep: now }, "");
  opened = now;
  leading = -1;
}).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["class"] });
let tries = 0;
const asking = setInterval(() => {
  const form = document.querySelector(".mlprov");
  if ((form && say(form, "mlprov-token", token)) || ++tries > 300) clearInterval(asking);
}, 50);
"""


class PageScript:
    """What runs in the page once it is displayed; a front end that runs no scripts shows nothing.

    Parameters
    ----------
    **options
        As for `script`.
    """

    def __init__(self, **options: Any) -> None:
        self._script = script(**options)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"application/javascript": self._script, "text/plain": ""}


def script(*, largest: int = 0, remembered: bool = False) -> str:
    """Return what a page with a form or a graph has to run.

    Parameters
    ----------
    largest
        The most bytes of a file that can be uploaded; a larger one is told to the field ``mlprov-refused``.
    remembered
        Whether the page's address carries the token under which its state is kept.
    """
    return "{" + _AT_HOME.replace("__LARGEST__", str(largest)) + (_REMEMBERED if remembered else "") + "}"


def style() -> str:
    """Return the form's style as an element; every rule is scoped to the class ``mlprov``."""
    return f"<style>{Path(__file__).with_name('style.css').read_text(encoding='utf-8')}</style>"
