"""What both ways of outpainting share."""
