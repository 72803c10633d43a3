"""What the project publishes: releases, repositories, images, and the service around them."""
