"""What leaves the app: pictures, files, pages, talks."""
