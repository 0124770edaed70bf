// Draws the figures of a report: hover, zoom by dragging or keys, curves on and off, one choice of horizontal axis for all.
(function () {
  'use strict';

  var DASHES = [[], [9, 4], [2, 3], [9, 3, 2, 3]];
  var HEIGHT = 320;
  var figures = JSON.parse(document.getElementById('report-data').textContent).figures;
  var views = [];
  var chosenAxis = 'step';

  function colour(index) {
    return getComputedStyle(document.documentElement).getPropertyValue('--' + index).trim();
  }

  function curveColour(series) {
    return colour('c' + series.colour);
  }

  function number(v) {
    if (v === null || v === undefined || !isFinite(v)) return '';
    var size = Math.abs(v);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) return v.toExponential(3);
    return String(Number(v.toPrecision(5)));
  }

  /** The axis that a figure is drawn over: the chosen one, or its own. */
  function axisOf(figure) {
    return chosenAxis in figure.axes ? chosenAxis : Object.keys(figure.axes)[0];
  }

  /** One table of values for all curves of a figure; a logarithmic axis has no place for what is not positive. */
  function table(view) {
    var axis = axisOf(view.figure);
    return uPlot.join(view.figure.series.map(function (s) {
      var columns = s.low ? [s.x[axis], s.y, s.low, s.high] : [s.x[axis], s.y];
      var kept = [];
      for (var i = 0; i < s.y.length; i++) {
        if ((!view.logX || columns[0][i] > 0) && (!view.logY || s.y[i] > 0)) kept.push(i);
      }
      return columns.map(function (column, c) {
        return kept.map(function (i) {
          return c > 1 && view.logY && column[i] <= 0 ? s.y[i] : column[i];
        });
      });
    }));
  }

  /** The nearest place to the pointer at which a curve has a value. */
  function nearest(u, seriesIndex, hovered) {
    var values = u.data[seriesIndex];
    if (values[hovered] !== null && values[hovered] !== undefined) return hovered;
    for (var d = 1; d < values.length; d++) {
      var before = values[hovered - d], after = values[hovered + d];
      if (before !== null && before !== undefined) return hovered - d;
      if (after !== null && after !== undefined) return hovered + d;
    }
    return hovered;
  }

  function draw(view) {
    var figure = view.figure, axis = axisOf(figure);
    if (view.plot) view.plot.destroy();
    var series = [{label: figure.axes[axis]}], bands = [];
    view.first = [];
    figure.series.forEach(function (s, i) {
      view.first.push(series.length);
      var stroke = function () { return curveColour(s); };
      series.push({
        label: s.label, stroke: stroke, width: 2, dash: DASHES[s.dash % DASHES.length], show: view.shown[i],
        points: {show: s.y.length <= 30, size: 6, stroke: stroke, fill: stroke}
      });
      if (!s.low) return;
      var low = series.length;
      for (var k = 0; k < 2; k++) {
        series.push({label: s.label + (k ? ' high' : ' low'), stroke: 'transparent', width: 0, points: {show: false}, show: view.shown[i]});
      }
      bands.push({series: [low + 1, low], fill: function () { return curveColour(s) + '33'; }});
    });
    var ink = function () { return colour('ink'); };
    var axisStyle = {stroke: ink, grid: {stroke: function () { return colour('rule'); }, width: 1}, ticks: {show: false}};
    var format = function (u, values) { return values.map(number); };
    view.plot = new uPlot({
      width: Math.max(280, view.place.clientWidth), height: HEIGHT,
      scales: {x: {time: false, distr: view.logX ? 3 : 1}, y: {distr: view.logY ? 3 : 1}},
      axes: [
        Object.assign({label: figure.axes[axis], values: format}, axisStyle),
        Object.assign({label: figure.y, values: format, size: 70}, axisStyle)
      ],
      series: series, bands: bands, legend: {show: false},
      cursor: {dataIdx: nearest, drag: {x: true, y: true, uni: 30}, focus: {prox: 16}},
      hooks: {setCursor: [function (u) { hover(view, u); }]}
    }, table(view), view.place);
    hover(view, view.plot);
  }

  /** Writes the values under the pointer, or each curve's last one. */
  function hover(view, u) {
    var at = u.cursor.idx;
    var inside = at !== null && at !== undefined;
    var name = view.figure.axes[axisOf(view.figure)];
    view.where.textContent = inside ? name + ' ' + number(u.data[0][at]) : 'last values';
    view.values.forEach(function (output, i) {
      var column = view.first[i];
      var place = inside ? nearest(u, column, at) : nearest(u, column, u.data[0].length - 1);
      output.textContent = number(u.data[column][place]);
    });
  }

  function button(text, act) {
    var b = document.createElement('button');
    b.type = 'button';
    b.textContent = text;
    b.addEventListener('click', act);
    return b;
  }

  function check(text, on, act) {
    var label = document.createElement('label'), box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = on;
    box.addEventListener('change', function () { act(box.checked); });
    label.append(box, ' ' + text);
    return label;
  }

  function sample(series) {
    var dash = DASHES[series.dash % DASHES.length].join(' ');
    var svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 40 10');
    svg.setAttribute('aria-hidden', 'true');
    var line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    [['x1', 0], ['x2', 40], ['y1', 5], ['y2', 5], ['stroke-width', 3], ['stroke-dasharray', dash]].forEach(function (a) {
      line.setAttribute(a[0], a[1]);
    });
    line.style.stroke = 'var(--c' + series.colour + ')';
    svg.append(line);
    return svg;
  }

  function toggle(view, i) {
    view.shown[i] = !view.shown[i];
    view.buttons[i].setAttribute('aria-pressed', String(view.shown[i]));
    var columns = view.figure.series[i].low ? 3 : 1;
    for (var k = 0; k < columns; k++) view.plot.setSeries(view.first[i] + k, {show: view.shown[i]});
  }

  /** Shows the part of the axis between two shares of its length. */
  function zoom(view, from, to) {
    var u = view.plot, width = u.bbox.width / devicePixelRatio;
    u.setScale('x', {min: u.posToVal(from * width, 'x'), max: u.posToVal(to * width, 'x')});
  }

  var KEYS = {
    '+': function (v) { zoom(v, 0.2, 0.8); }, '=': function (v) { zoom(v, 0.2, 0.8); },
    '-': function (v) { zoom(v, -0.33, 1.33); }, '0': draw,
    'ArrowLeft': function (v) { zoom(v, -0.2, 0.8); }, 'ArrowRight': function (v) { zoom(v, 0.2, 1.2); }
  };

  function begin(figure) {
    var element = document.getElementById(figure.id);
    var view = {
      figure: figure, place: element.querySelector('.plot'), logX: figure.logX, logY: figure.logY,
      shown: figure.series.map(function (s) { return s.shown; }), buttons: [], values: [], first: []
    };
    var tools = element.querySelector('.tools'), legend = element.querySelector('.legend');
    view.where = document.createElement('span');
    view.where.className = 'place';
    tools.append(
      check('logarithmic x', view.logX, function (on) { view.logX = on; draw(view); }),
      check('logarithmic y', view.logY, function (on) { view.logY = on; draw(view); }),
      button('Whole range', function () { draw(view); }), view.where);
    figure.series.forEach(function (s, i) {
      var b = button('', function () { toggle(view, i); }), value = document.createElement('output');
      b.append(sample(s), s.label, value);
      b.setAttribute('aria-pressed', String(s.shown));
      view.buttons.push(b);
      view.values.push(value);
      var item = document.createElement('li');
      item.append(b);
      legend.append(item);
    });
    view.place.tabIndex = 0;
    view.place.setAttribute('role', 'group');
    view.place.setAttribute('aria-label', figure.title + '. Plus and minus zoom, arrows move, 0 shows all; the numbers follow as a table.');
    view.place.addEventListener('keydown', function (e) {
      if (!(e.key in KEYS) || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      KEYS[e.key](view);
    });
    draw(view);
    views.push(view);
  }

  function all(act) { views.forEach(act); }

  figures.forEach(begin);
  document.querySelectorAll('input[name=axis]').forEach(function (radio) {
    radio.addEventListener('change', function () { chosenAxis = radio.value; all(draw); });
  });
  addEventListener('resize', function () {
    all(function (v) { v.plot.setSize({width: Math.max(280, v.place.clientWidth), height: HEIGHT}); });
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', function () {
    all(function (v) { v.plot.redraw(false, true); });
  });
  window.hesseReport = views;
})();
