"use strict";
// Only these buttons: plotly's default set has one that uploads a figure's data to its makers.
const options = {
  responsive: true,
  displaylogo: false,
  displayModeBar: "hover",
  plotlyServerURL: "",
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
};
for (const source of document.querySelectorAll("script[data-figure]")) {
  const { data, layout } = JSON.parse(source.textContent);
  Plotly.newPlot(source.dataset.figure, data, layout, options);
}
