"""Pictures and files of our own: checked, made anew, kept in SQL, served for good.

Pictures of news are fetched in a job, others are uploaded. `render` is pure. Knows neither feeds
nor letters, except that drafts carry addresses of pictures.
"""
