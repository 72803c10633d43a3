"""The catalogue of the project: releases, repositories, images, and the service around them."""
