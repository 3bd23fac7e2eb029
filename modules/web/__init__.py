"""Rank 7: the FastAPI app, the API routes and the Gradio tabs. Start with app."""
