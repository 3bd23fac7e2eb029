raise ImportError("this file never loads")
