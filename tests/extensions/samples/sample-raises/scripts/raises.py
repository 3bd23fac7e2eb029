"""Fails wherever it can when a prompt asks for it."""

from modules import scripts


class Raises(scripts.Script):
    def title(self):
        return "Raises"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def process(self, p):
        if "please fail" in p.all_prompts[0]:
            raise ZeroDivisionError("as asked")


class RaisesInRun(scripts.Script):
    def title(self):
        return "Raises in run"

    def run(self, p):
        raise KeyError("nothing there")
