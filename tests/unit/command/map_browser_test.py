"""The page of `ashlar map` in a real browser: no error, the canvas is painted, the controls work."""
import re
import shutil
import subprocess
import sys

from harness import main
from map_case import MapCase

chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# Runs after the page's own script: is the canvas painted, and do the controls work?
PROBE = """<script>{
const pixels = paper.getImageData(0, 0, canvas.width, canvas.height).data, colours = new Set();
for (let i = 0; i < pixels.length; i += 4) colours.add(pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2]);
const result = document.documentElement.dataset;
result.covered = canvas.width >= scroll.clientWidth && canvas.height >= scroll.clientHeight;
result.colours = colours.size;
result.units = units().n;
const press = (key) => scroll.dispatchEvent(new KeyboardEvent("keydown", { key }));
press("ArrowRight"); press("ArrowRight");
result.cursor = state.cursor;
press("End");
result.end = state.cursor;
press("Escape");
const box = canvas.getBoundingClientRect();
canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + 8, clientY: box.top + 8 }));
result.tip = document.getElementById("tip").textContent.split(":")[0];
const before = document.getElementById("summary").textContent;
const slider = document.getElementById("when");
slider.value = slider.max;
slider.dispatchEvent(new Event("input"));
result.which = document.getElementById("which").textContent;
result.steps = document.querySelectorAll(".step").length;
document.querySelector("#legend button").click();
}</script></html>"""


class MapBrowserTest(MapCase):
    def browse(self, text):
        path = self.file("probe.html", text)
        result = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                                 f"--user-data-dir={self.directory}/profile", "--window-size=1200,800", "--dump-dom",
                                 "file://" + path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                timeout=120, check=False)
        self.assertIn("<html", result.stdout, result.stderr[-500:])
        return dict(re.findall(r'data-(\w+)="([^"]*)"', re.search("<html[^>]*>", result.stdout)[0]))

    def test_page_is_drawn_without_errors(self):
        _, text, data, _ = self.draw(self.user("busy"), "--snapshots", "3", "--every", "20")
        result = self.browse(text.replace("</html>", PROBE))
        units = sum(heap["units"] for heap in data["snapshots"][0]["heaps"])
        self.assertNotIn("error", result)
        self.assertEqual(int(result["units"]), units)
        self.assertEqual(result["covered"], "true")
        self.assertGreater(int(result["drawn"]), 100)
        self.assertGreater(int(result["colours"]), 20)
        self.assertEqual((int(result["cursor"]), int(result["end"])), (1, units - 1))
        self.assertTrue(result["tip"].startswith("Unit at 0x"), result["tip"])
        self.assertTrue(result["which"].startswith("3 of 3"), result["which"])
        self.assertGreater(int(result["steps"]), 8)

    def test_an_error_is_seen(self):
        text = self.draw(self.user("quiet"))[1]
        self.assertIn("error", self.browse(text.replace("mixColours();\nshow();", "nothing();")))


if chromium is None:
    print("no Chromium")
    sys.exit(77)
main()
