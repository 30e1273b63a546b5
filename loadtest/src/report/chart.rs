//! Curves as SVG. Pure.

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

const SIZE: (u32, u32) = (860, 300);
/// Room for curves whose greatest value is also their least.
const HEADROOM: f64 = 1.15;

/// One picture.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: Axis<'a>,
    pub(crate) y: Axis<'a>,
    pub(crate) curves: Vec<Curve<'a>>,
}

#[derive(Debug)]
pub(crate) struct Axis<'a> {
    pub(crate) label: &'a str,
    /// Equal distances are equal factors; values have to be above 0.
    pub(crate) is_logarithmic: bool,
    /// Formatter of values.
    pub(crate) format: fn(f64) -> String,
}

#[derive(Debug)]
pub(crate) struct Curve<'a> {
    pub(crate) name: &'a str,
    pub(crate) colour: RGBColor,
    pub(crate) points: Vec<(f64, f64)>,
}

type DrawingError = Box<dyn std::error::Error>;

impl Chart<'_> {
    /// The picture; `None` if there is nothing to show.
    pub(crate) fn svg(&self) -> Option<String> {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let (x_min, x_max) = bounds(points().map(|point| point.0))?;
        let (y_min, y_max) = bounds(points().map(|point| point.1))?;
        let x = x_min.min(0.0)..x_max.max(x_min + 1e-9);
        let mut svg = String::new();
        let drawn = if self.y.is_logarithmic {
            let y = (y_min / HEADROOM..y_max * HEADROOM).log_scale();
            self.draw(&mut svg, x, y)
        } else {
            self.draw(&mut svg, x, 0.0..y_max.max(1e-9) * HEADROOM)
        };
        // A string takes every drawing.
        drawn.is_ok().then_some(svg)
    }

    fn draw<Y>(&self, svg: &mut String, x: std::ops::Range<f64>, y: Y) -> Result<(), DrawingError>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 16))
            .margin(10)
            .margin_right(40)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .x_label_formatter(&|value| (self.x.format)(*value))
            .y_label_formatter(&|value| (self.y.format)(*value))
            .draw()?;
        for curve in &self.curves {
            let style = curve.colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(curve.points.iter().copied(), style))?
                .label(curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((least, most)) => Some((f64::min(least, value), f64::max(most, value))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, is_logarithmic: bool) -> Option<String> {
        let axis = |label, is_logarithmic| Axis { label, is_logarithmic, format: |value| value.to_string() };
        let curves = vec![Curve { name: "curve", colour: RED, points }];
        Chart { title: "title", x: axis("time", false), y: axis("height", is_logarithmic), curves }.svg()
    }

    #[test]
    fn one_point_and_many_are_drawn_on_both_scales() {
        for is_logarithmic in [false, true] {
            for points in [vec![(1.0, 5.0)], vec![(0.0, 1.0), (1.0, 1000.0), (2.0, 3.0)]] {
                let svg = chart(points, is_logarithmic).expect("drawn");
                assert!(svg.starts_with("<svg ") && svg.contains("title") && svg.contains("curve"), "{svg}");
            }
        }
        assert_eq!(chart(vec![], false), None);
    }
}
