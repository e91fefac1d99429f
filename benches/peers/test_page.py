"""Tests of the tables and the chart, on sample figures: `python3 -m unittest discover benches/peers`."""

import unittest
import xml.etree.ElementTree

import page

SVG = "{http://www.w3.org/2000/svg}"


def load(per_second, cpu_micros):
    """Returns sample figures of the load generator."""
    return {"requests": 1000, "per_second": per_second, "cpu_micros": cpu_micros, "p50_micros": 150.0, "p99_micros": 2500.0}


REFERENCE = page.Figures(
    "reference", "1", "bare", updates="canned", first_answer_ms=[2.0, 1.0, 3.0], idle_mib=[3.0], loaded_mib=4.0, requests=100_000,
    get=[load(100_000, 5.0), load(80_000, 5.0)], patch=[load(50_000, 8.0), load(50_000, 8.0)],
)  # fmt: skip
EMULATOR = page.Figures(
    "emulator", "2", "--log off", updates="kept", first_answer_ms=[2.5], idle_mib=[4.0], loaded_mib=5.0, requests=100_000,
    get=[load(90_000, 10.0), load(80_000, 5.0)], patch=[load(25_000, 16.0), load(30_000, 16.0)],
)  # fmt: skip
#: One that refuses updates, was measured where CPU time is not told, and has a name that must be escaped in XML.
SLOW = page.Figures(
    "slow & <old>", "3", "a|b", first_answer_ms=[1234.0], idle_mib=[300.0], loaded_mib=400.0, requests=2_000, get=[load(1_000, None), load(800, None)]
)
BROKEN = page.Figures("broken", "4", "as usual", problem="It does not start.")
SERVERS = [REFERENCE, EMULATOR, SLOW, BROKEN]


class Figures(unittest.TestCase):
    def test_spread_is_middle_and_ends(self):
        self.assertEqual(page.spread([3.0, 1.0, 2.0]), (2.0, 1.0, 3.0))
        self.assertEqual(page.spread([4.0, 1.0, 2.0, 3.0]), (2.5, 1.0, 4.0))
        self.assertIsNone(page.spread([]))

    def test_ratios_are_those_of_rounds_and_above_one_where_the_server_is_better(self):
        self.assertEqual(page.throughput_ratio(EMULATOR.get, REFERENCE.get), (0.95, 0.9, 1.0))
        self.assertEqual(page.cpu_ratio(EMULATOR.get, REFERENCE.get), (0.75, 0.5, 1.0))
        self.assertIsNone(page.cpu_ratio(SLOW.get, REFERENCE.get))


class Tables(unittest.TestCase):
    def test_table_is_aligned_and_escaped(self):
        self.assertEqual(
            page.table(["name"], ["figure"], [("one", "1"), ("a|b", "1,000")]),
            "| name | figure |\n|------|-------:|\n| one  |      1 |\n| a\\|b |  1,000 |",
        )

    def test_requests_have_ratios_to_the_reference_and_gaps_where_nothing_was_measured(self):
        rows = page.requests_table(SERVERS, REFERENCE, "get").splitlines()
        self.assertEqual([cell.strip() for cell in rows[2].split("|")[1:-1]], ["reference", "90,000", "", "5.00", "", "150", "2,500"])
        self.assertIn("0.95 (0.90–1.00)", rows[3])
        self.assertEqual([cell.strip() for cell in rows[4].split("|")[2:6]], ["900", "0.010 (0.010–0.010)", "–", "–"])
        self.assertEqual(len(rows), 5)

    def test_a_server_that_refuses_updates_has_no_row_for_them(self):
        self.assertNotIn("slow", page.requests_table(SERVERS, REFERENCE, "patch"))

    def test_servers_say_what_an_update_does_or_why_there_are_no_figures(self):
        rows = page.servers_table(SERVERS).splitlines()
        self.assertRegex(rows[3], r"keeps it +\| --log off")
        self.assertRegex(rows[4], r"refused +\| a\\\|b")
        self.assertRegex(rows[5], r"– +\| It does not start\.")

    def test_memory_says_after_how_many_requests(self):
        rows = page.memory_table(SERVERS).splitlines()
        self.assertRegex(rows[2], r"2\.0 \(1\.0–3\.0\) \| +3\.0 \(3\.0–3\.0\) \| +4\.0 \| +100,000 \|")
        self.assertRegex(rows[4], r"1,234 \(1,234–1,234\).* 400 \| +2,000 \|")
        self.assertEqual(len(rows), 5)


class Page(unittest.TestCase):
    def test_section_notes_the_load_of_the_machine(self):
        quiet, busy = (page.section(SERVERS, REFERENCE, "A machine", "Five rounds.", load, 2) for load in (0.1, 4.0))
        self.assertIn("Load average before the run: 0.10 on 2 cores. The machine was quiet.", quiet)
        self.assertIn("Load average before the run: 4.00 on 2 cores. Other programs were at work", busy)
        self.assertTrue(all(len(line) <= page.PAGE_WIDTH for line in page.section(SERVERS, REFERENCE, "A machine. " * 40, "", 0, 2).splitlines()))

    def test_only_what_is_between_the_markers_is_replaced(self):
        old = f"before\n{page.BEGIN}\n\nold\n\n{page.END}\nafter\n"
        new = page.replaced(old, "new")
        self.assertEqual(new, f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n")
        self.assertEqual(page.replaced(new, "old"), old)

    def test_a_page_without_markers_is_refused(self):
        for text in ["", page.BEGIN, page.END, f"{page.END}{page.BEGIN}"]:
            with self.assertRaises(ValueError):
                page.replaced(text, "new")


class Chart(unittest.TestCase):
    def setUp(self):
        self.text = page.chart(SERVERS, REFERENCE, "emulator")
        self.root = xml.etree.ElementTree.fromstring(self.text)
        self.panels = self.root.findall(f"{SVG}g")

    def test_a_panel_has_a_line_for_each_server_that_was_measured(self):
        names = [text.text for text in self.panels[0].iter(f"{SVG}text") if text.get("x") == "0"]
        self.assertEqual(names[1:], ["reference", "emulator", "slow & <old>"])
        dots = [len(list(panel.iter(f"{SVG}circle"))) for panel in self.panels]
        # The slow one has no CPU time and refuses updates.
        self.assertEqual(dots, [3, 2, 2, 2, 3, 3])

    def test_dots_stand_in_the_order_of_the_figures_and_within_their_panel(self):
        for panel in self.panels:
            for dot in panel.iter(f"{SVG}circle"):
                self.assertTrue(page.NAMES_WIDTH <= float(dot.get("cx")) <= page.PANEL_WIDTH - page.VALUES_WIDTH - page.MARGIN)
        bare, ours, slow = (float(dot.get("cx")) for dot in self.panels[0].iter(f"{SVG}circle"))
        self.assertTrue(slow < ours < bare)
        # A hundredth is two powers of ten from one, and so far apart on the scale.
        grid = [float(line.get("x1")) for line in self.panels[0].iter(f"{SVG}line") if line.get("class") == "grid"]
        self.assertEqual(len(grid), 3)
        self.assertAlmostEqual(bare, grid[-1])

    def test_the_emulator_stands_out_and_colors_follow_the_scheme(self):
        self.assertEqual(len([dot for dot in self.root.iter(f"{SVG}circle") if dot.get("class") == "emulator"]), 6)
        self.assertIn("@media (prefers-color-scheme: dark)", self.text)

    def test_nothing_measured_is_no_chart_of_nothing(self):
        xml.etree.ElementTree.fromstring(page.chart([BROKEN], REFERENCE, "emulator"))


if __name__ == "__main__":
    unittest.main()
