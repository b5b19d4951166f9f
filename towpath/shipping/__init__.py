"""What takes Towpath and its services elsewhere: dependencies, images, pipelines, compose files, scans."""
