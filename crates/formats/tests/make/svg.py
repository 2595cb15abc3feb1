#!/usr/bin/env python3
"""Writes the samples into tests/golden/svg: python3 crates/formats/tests/make/svg.py"""
import base64, pathlib

OUT = pathlib.Path(__file__).parent.parent / "golden" / "svg"
PAGE = base64.b64encode(b"<html><body>an inert page</body></html>").decode()
SVG = "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'"
SAMPLES = {
    "picture.svg": f"<?xml version='1.0'?>\n{SVG}><circle r='5'/></svg>",
    "scripts.svg": f"""<?xml version="1.0"?>
<!-- <script>nobody runs this</script> -->
{SVG} onload="alert(&apos;handler&apos;)">
<script type="text/javascript"><![CDATA[ if (1 < 2) document.write("in a section"); ]]></script>
<script>&#97;lert("in references &lt;b&gt;")</script>
<script href="http://example.org/outside.js"/>
<a xlink:href="java&#10;script:alert('an address')"><text>x</text></a>
<set attributeName="href" to="javascript:alert('set')"/>
<image xlink:href="data:text/html;base64,{PAGE}"/>
<image href="https://example.org/picture.png"/>
<svg:script>with a prefix()</svg:script>
</svg>""",
    "foreign.svg": f"""{SVG}><foreignObject width='9'><html xmlns='http://www.w3.org/1999/xhtml'><body>
<form action='http://example.org/'><input name='password'/></form><script>inside()</script></body></html></foreignObject></svg>""",
    "entities.svg": f"""<!DOCTYPE svg [<!ENTITY ns "http://x"><!ENTITY code "&#60;script>alert('from an entity')&#60;/script>">
<!ENTITY outside SYSTEM "file:///etc/passwd">]>\n{SVG}>&code;</svg>""",
    "no-end.svg": f"{SVG}><script>alert('no end')",
    "open-tag.svg": f"{SVG} onload='never closed <script>x</script>",
    "wide.svg": f"\ufeff{SVG}><script>alert('in two bytes each')</script></svg>".encode("utf-16le"),
    "nested-foreign.svg": f"{SVG}>" + "<foreignObject>" * 200 + "<p>deep</p>" + "</foreignObject>" * 200 + "</svg>",
    "page.html": "<!doctype html><svg><script>this is a page()</script></svg>",
}
OUT.mkdir(parents=True, exist_ok=True)
for name, data in SAMPLES.items():
    (OUT / name).write_bytes(data if isinstance(data, bytes) else data.encode())
