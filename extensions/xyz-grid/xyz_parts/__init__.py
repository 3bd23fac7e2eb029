"""The parts of the X/Y/Z plot: values of axes, the axes themselves, the sheet, and what it is exported as."""
