"""The style of the report: light and dark, on a screen and on paper. Blue and orange differ for every kind of eye."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--paper:#fff;--card:#f7f8fa;--edge:#dfe4ea;--main:#2563c9;
--other:#e07b1a;--good:#1b7f4b;--bad:#b3261e;--maybe:#8a6100;--s2:#3c9a5f;--s3:#8b5fbf;--s4:#b0417a;--s5:#6b7785}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a2adbb;--paper:#12161c;--card:#1a2029;--edge:#2f3844;
--main:#6ea4ff;--other:#f2a65a;
--good:#5fd08f;--bad:#ff8a80;--maybe:#e8c25a;--s2:#6fcf97;--s3:#bb9af0;--s4:#f08cbb;--s5:#9aa7b5}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 24px 56px}
header{border-bottom:1px solid var(--edge);padding-bottom:16px;margin-bottom:8px}
h1{font-size:30px;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
h2{font-size:20px;margin:36px 0 12px}
h3{font-size:15px;margin:0 0 8px}
p{margin:0 0 10px;max-width:76ch}
.over{color:var(--soft);font-size:14px;margin:0 0 4px}.about{color:var(--soft)}
.lead{font-size:18px}.fine,small,figcaption,footer{color:var(--soft);font-size:13px}
code{font:0.92em ui-monospace,SFMono-Regular,Menlo,monospace}
.warning{border-left:4px solid var(--other);padding:8px 12px;background:var(--card)}
.pills{display:flex;flex-wrap:wrap;gap:8px;margin:12px 0}
.pill{display:inline-block;border:1px solid currentColor;border-radius:999px;padding:1px 10px;font-size:13px;
font-weight:600;white-space:nowrap;color:var(--soft)}
.pill.pass{color:var(--good)}.pill.fail,.pill.error{color:var(--bad)}.pill.inconclusive,.pill.warn{color:var(--maybe)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;margin:0 0 12px}
th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--edge);vertical-align:middle}
th{font-weight:600;color:var(--soft);font-size:13px}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.whisker{width:170px;height:17px;display:block}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:20px}
figure,article{margin:0;background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:16px}
figcaption{margin-top:8px}
figure svg{width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}svg .label{font-size:12px}
.grid line,.grid .grid{stroke:var(--edge)}
line.grid{stroke:var(--edge);stroke-width:1}
.chance{fill:none;stroke:var(--soft);stroke-dasharray:4 4;stroke-width:1.2}
.main{fill:none;stroke:var(--main);stroke-width:2}
polygon.fill{fill:var(--main);opacity:.1}
rect.block{stroke:none;opacity:.62}rect.block.main{fill:var(--main)}rect.block.other{fill:var(--other)}
.cut{stroke:var(--ink);stroke-dasharray:3 3;stroke-width:1.2;fill:none}
.mark{fill:var(--main);stroke:var(--card);stroke-width:1}
.dot{fill:var(--main);opacity:.45}
.whisk,polyline.whisker{stroke:var(--soft);stroke-width:1.4;fill:none;width:auto;height:auto}
.series0{stroke:var(--main)}.series1{stroke:var(--other)}.series2{stroke:var(--s2)}.series3{stroke:var(--s3)}
.series4{stroke:var(--s4)}.series5{stroke:var(--s5)}
.key{stroke:none}.key.series0{fill:var(--main)}.key.series1{fill:var(--other)}.key.series2{fill:var(--s2)}
.key.series3{fill:var(--s3)}.key.series4{fill:var(--s4)}.key.series5{fill:var(--s5)}
.rail{stroke:var(--edge);stroke-width:1.5}.span{fill:var(--main);opacity:.35}svg .bar{fill:var(--main);opacity:.5}
.confusion{width:auto;max-width:100%;margin:12px auto;display:block;overflow-x:auto}
.confusion th,.confusion td{text-align:center;border:0;padding:6px}
.confusion .cell{background:color-mix(in srgb,var(--main) calc(var(--share)*55%),transparent);border-radius:6px;
min-width:58px;font-weight:600;font-variant-numeric:tabular-nums;border:2px solid var(--card);padding:14px 8px}
.confusion small{display:block;font-weight:400;color:inherit;opacity:.8}
.row{display:grid;grid-template-columns:minmax(120px,2fr) 3fr 70px;
gap:10px;align-items:center;padding:3px 0;font-size:14px}
.name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.parts .row{grid-template-columns:minmax(110px,3fr) 2fr 60px;font-size:13px}
.track{background:var(--edge);border-radius:3px;height:9px;overflow:hidden}
.track .bar{display:block;height:100%;background:var(--main)}
.track .for{background:var(--main)}.track .against{background:var(--other)}
blockquote{margin:0 0 10px;padding-left:10px;border-left:3px solid var(--edge);font-size:14px}
ul{margin:0 0 12px;padding-left:20px;font-size:14px}
footer{margin-top:40px;border-top:1px solid var(--edge);padding-top:12px}
@media print{body{font-size:11pt}main{max-width:none;padding:0}
figure,article,tr{break-inside:avoid}h2{break-after:avoid}
.grid{grid-template-columns:1fr 1fr}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
