-- Between two looks at one thing, when only movement tells.
SELECT true AS waited FROM pg_sleep(0.5)
