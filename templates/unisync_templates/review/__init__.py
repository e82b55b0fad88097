"""The review page: template, style and scripts, put into one file by ``unisync_post.review``."""
