"""usage: readme_test.py README SOURCE PROGRAM

The example that docs/shared/README.md shows is the one that is compiled, and prints what it says.
"""
import os
import pathlib
import re
import subprocess
import sys
import textwrap

readme, source, program = map(os.path.abspath, sys.argv[1:])
section = pathlib.Path(readme).read_text(encoding="utf-8").split("\n## Example\n")[1].split("\n## ")[0]
shown, printed = re.findall(r"^```(?:cpp)?\n(.*?)^```$", section, re.M | re.S)
body = pathlib.Path(source).read_text(encoding="utf-8").split("int main() {\n")[1].rsplit("}\n", 1)[0]
if textwrap.dedent(body) != shown:
    sys.exit(f"{readme}: the example is not that of {source}")
said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
if said != printed:
    sys.exit(f"{readme}: it prints {said!r}, not {printed!r}")
